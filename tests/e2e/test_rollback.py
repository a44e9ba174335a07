"""`fly releases rollback`: the image, the configuration, and with --with-data the data, on new volumes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from real_calls import Calls
from real_up import left_behind, running
from tiny_image import make_tiny_image

pytestmark = pytest.mark.e2e

FILL = {"name": "fill", "region": "lhr", "size_gb": 1, "require_unique_zone": False}
TOML = """app = "diary"
primary_region = "lhr"
[env]
  WORD = "{word}"
[mounts]
  source = "pages"
  destination = "/data"
"""


@pytest.fixture(scope="module")
def calls() -> Iterator[Calls]:
    with running(hosts=1, pool_size="8G") as up:
        calls = Calls(up, "diary")
        yield calls
        calls.close()
    assert left_behind(up.data) == []


class Diary:
    """An app with one volume; each release has an image of its own, which writes its name down when it starts."""

    def __init__(self, calls: Calls, folder: Path) -> None:
        self.calls, self.folder = calls, folder

    def fly(self, *words: str, code: int = 0) -> str:
        return self.calls.up.fly(*words, folder=self.folder, code=code)

    def deploy(self, word: str, *words: str) -> str:
        script = f"echo {word} >> /data/log; sync; sleep 100000"
        image = make_tiny_image(self.folder, name="diary", cmd=("sh", "-c", script))  # one path, other contents
        (self.folder / "fly.toml").write_text(TOML.format(word=word))
        return self.fly("deploy", "--image", image, "--smoke-checks=false", *words)

    @property
    def machine(self) -> Any:
        (machine,) = self.calls.ok("GET", "/machines")
        return self.calls.machine(machine["id"])

    @property
    def volume(self) -> str:
        return str(self.machine["config"]["mounts"][0]["volume"])

    def log(self) -> list[str]:
        return self.calls.shell(self.machine["id"], "cat /data/log").split()

    def releases(self) -> list[Any]:
        found: list[Any] = json.loads(self.fly("releases", "--json"))
        return found

    def source(self) -> str:
        """The file behind what is mounted at /data; the kernel is asked."""
        device = self.calls.shell(self.machine["id"], "awk '$2 == \"/data\" {print $1}' /proc/mounts").strip()
        return Path(f"/sys/block/{Path(device).name}/loop/backing_file").read_text().strip()


@pytest.fixture(scope="module")
def diary(calls: Calls, tmp_path_factory: pytest.TempPathFactory) -> Diary:
    """Two releases are out."""
    diary = Diary(calls, tmp_path_factory.mktemp("diary"))
    diary.deploy("one", "--file-literal", "/etc/word=one")
    said = diary.deploy("two")
    assert "Snapshot vs_" in said and f"of volume {diary.volume} was taken" in said
    assert diary.log() == ["one", "two"]
    return diary


def test_a_snapshot_is_noted_with_the_release_that_took_it(diary: Diary) -> None:
    newest = diary.releases()[0]
    (note,) = newest["metadata"]["snapshots"]
    assert (note["machine"], note["volume"]) == (diary.machine["id"], diary.volume)
    (snapshot,) = diary.calls.ok("GET", f"/volumes/{diary.volume}/snapshots")
    assert (snapshot["id"], snapshot["status"]) == (note["snapshot"], "created")


def test_without_the_data_the_old_image_runs_on_the_present_volume(diary: Diary) -> None:
    machine, volume = diary.machine["id"], diary.volume
    said = diary.fly("releases", "rollback", "--yes", "--smoke-checks=false")
    assert "This brings back v1" in said and "as release v3" in said
    assert (diary.machine["id"], diary.volume) == (machine, volume)
    assert diary.log() == ["one", "two", "one"]
    assert diary.machine["config"]["env"]["WORD"] == "one"
    assert diary.calls.shell(machine, "cat /etc/word") == "one"
    first = diary.fly("releases").splitlines()[1]
    assert first.split()[0] == "v3" and "complete" in first and "rollback to v1" in first
    assert diary.fly("apps", "releases", "-j") == diary.fly("releases", "list", "-j") == diary.fly("releases", "-j")


def test_with_the_data_the_old_image_runs_on_a_new_volume_and_the_present_one_stays(diary: Diary) -> None:
    machine, volume, source = diary.machine["id"], diary.volume, diary.source()
    said = diary.fly("releases", "rollback", "v1", "--with-data", "--yes", "--smoke-checks=false")
    assert f"its volume {volume}, with all that was written since, is set aside" in said
    assert f"fly releases rollback v3 --with-data -a {diary.calls.app}" in said
    assert diary.machine["id"] != machine and diary.volume != volume and diary.source() != source
    assert diary.log() == ["one", "one"]  # v1 ran on it once, and again now
    kept = diary.calls.ok("GET", f"/volumes/{volume}")
    assert (kept["state"], kept["attached_machine_id"]) == ("created", None)


def test_and_back_again(diary: Diary) -> None:
    volume = diary.volume
    diary.fly("releases", "rollback", "v3", "--with-data", "--yes", "--smoke-checks=false")
    assert diary.log() == ["one", "two", "one", "one"]
    assert diary.volume != volume
    assert diary.releases()[0]["description"] == "rollback to v3"


def test_what_cannot_be_is_refused_before_anything_changes(diary: Diary) -> None:
    machine, releases = diary.machine["instance_id"], len(diary.releases())
    assert "yes flag must be specified" in diary.fly("releases", "rollback", "v1", code=1)
    assert "there is no release v99" in diary.fly("releases", "rollback", "v99", "--yes", code=1)
    assert "'soon' is not the version" in diary.fly("releases", "rollback", "soon", code=1)
    current = f"v{releases}"
    assert "is the current release" in diary.fly("releases", "rollback", current, "--yes", code=1)
    diary.deploy("three", "--snapshot-before=false")
    said = diary.fly("releases", "rollback", "--with-data", "--yes", code=1)
    assert "no snapshot was taken of volume" in said and "Roll back without the data" in said
    assert len(diary.releases()) == releases + 1
    assert diary.machine["instance_id"] != machine


def test_a_volume_that_has_no_room_for_another_is_left_as_it_is(diary: Diary) -> None:
    """8 GB less what is there: fill the pool with promises."""
    calls, before = diary.calls, {one["id"] for one in diary.calls.ok("GET", "/volumes")}
    filling = []
    while (made := calls.ask("POST", "/volumes", FILL)).status_code < 300:
        filling.append(made.json()["id"])
        before.add(filling[-1])
    machine = diary.machine["instance_id"]
    said = diary.fly("releases", "rollback", "v2", "--with-data", "--yes", code=1)
    assert "fly volumes destroy --erase ID" in said
    assert diary.machine["instance_id"] == machine
    assert {one["id"] for one in calls.ok("GET", "/volumes")} == before
    for volume in filling:
        calls.ok("DELETE", f"/volumes/{volume}?erase=true")
