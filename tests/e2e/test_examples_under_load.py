"""Every volume command is used once on each example app, SQLite and PostgreSQL, while it is being written to."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from example_loads import Example, Guestbook, Load, Postgres
from real_calls import Calls
from real_machines import wait_until
from real_up import BIN, Running, left_behind, running

pytestmark = pytest.mark.e2e

ROOT = Path(__file__).parents[2]
KEPT_DEADLINE = 60.0  # seconds; only ever reached by a test that fails


@pytest.fixture(scope="module")
def up() -> Iterator[Running]:
    with running(hosts=2, pool_size="9G") as server:
        make = [sys.executable, ROOT / "packaging/base-images/make.py", "python", "postgres", "--data", server.data]
        subprocess.run(make, check=True, capture_output=True, timeout=280)
        yield server
    assert left_behind(server.data) == []


class Deployed:
    """An example on its volume, and the commands that are tried on it."""

    def __init__(self, up: Running, example: Example, folder: Path) -> None:
        self.up, self.example, self.folder, self.app = up, example, folder, example.folder
        self._begun = time.monotonic()
        shutil.copytree(ROOT / "examples" / example.folder, folder, dirs_exist_ok=True)
        self.fly("launch", "--name", self.app, "-r", "lhr", "--internal-port", str(example.port), "--no-deploy")
        with (folder / "fly.toml").open("a") as config:
            config.write(example.config)
        name = example.config.split('source="')[1].split('"')[0]
        self.volume = self.json("volumes", "create", name, "--region", "lhr", "--size", "1", "--yes")["id"]
        self.fly("deploy", "--ha=false")
        self.calls = Calls(up, self.app, make=False)
        self.machine = str(self.json("machine", "list")[0]["id"])
        self.told("deployed")

    def fly(self, *words: str, code: int = 0) -> str:
        return self.up.fly(*words, folder=self.folder, code=code)

    def json(self, *words: str) -> Any:
        said = self.fly(*words, "--json")
        return json.loads(said[min(at for at in (said.find("{"), said.find("[")) if at >= 0) :])

    def told(self, what: str) -> None:
        """A line that is seen when the test fails, or with -s."""
        print(f"{self.app}: {time.monotonic() - self._begun:5.1f} s {what}", flush=True)

    def shown(self, volume: str) -> Any:
        return self.json("volumes", "show", volume)

    def await_created(self, volume: str) -> None:
        def look() -> bool:
            return bool(self.calls.ok("GET", f"/volumes/{volume}")["state"] == "created")

        wait_until(look, f"{volume} is created", deadline=KEPT_DEADLINE)

    def machine_with(self, volume: str) -> str:
        """Another machine as the app's own is, on another volume."""
        config = self.calls.machine(self.machine)["config"]
        config["mounts"] = [{"volume": volume, "path": "/data"}]
        made = self.calls.ok("POST", "/machines", {"region": "lhr", "config": config})
        try:
            self.calls.await_state(made["id"], "started")
        except AssertionError as late:
            raise AssertionError(f"{late}: {self.calls.machine(made['id'])['events']}") from late
        return str(made["id"])

    def counted_in(self, volume: str) -> int:
        """How many writes are in a volume that nobody has, as the app itself finds them."""
        self.await_created(volume)
        machine = self.machine_with(volume)
        counted = self.example.counted(self.calls, machine)
        self.fly("machine", "destroy", machine, "--force")
        wait_until(lambda: not self.shown(volume)["attached_machine_id"], f"{volume} is free")
        return counted


@pytest.fixture(params=[Guestbook(), Postgres()], ids=["sqlite", "postgres"])
def deployed(request: pytest.FixtureRequest, up: Running, tmp_path: Path) -> Iterator[Deployed]:
    deployed = Deployed(up, request.param, tmp_path)
    yield deployed
    deployed.calls.close()
    deployed.fly("machine", "destroy", deployed.machine, "--force")
    deployed.fly("volumes", "destroy", deployed.volume, "--erase", "--yes")  # the next example needs the place
    deployed.fly("apps", "destroy", deployed.app, "--yes")


def test_every_volume_command_on_an_example_that_is_being_written_to(deployed: Deployed) -> None:
    volume, example = deployed.volume, deployed.example
    with example.load(deployed.calls, deployed.machine) as load:
        wait_until(lambda: load.acknowledged() > 20, "it writes")
        extend(deployed, load)
        update(deployed, load)
        copies = copy(deployed, load)
        bring_back(deployed, next(iter(copies)))
        check(deployed, load, copies)
        check(deployed, load, carry(deployed, load))
        assert_writing(load)
        acknowledged = load.acknowledged()
    assert example.counted(deployed.calls, deployed.machine) >= acknowledged
    (kept,) = [one for one in deployed.json("volumes", "list") if one["state"] == "created"]
    assert (kept["id"], kept["attached_machine_id"]) == (volume, deployed.machine)
    assert not [event for event in deployed.calls.machine(deployed.machine)["events"] if event["type"] == "exit"]


def assert_writing(load: Load) -> None:
    before = load.acknowledged()
    wait_until(lambda: load.acknowledged() > before + 3, "it writes on")


def check(deployed: Deployed, load: Load, copies: dict[str, int]) -> None:
    """Each copy is whole and has what it must have at least; then it is erased."""
    for made, at_least in copies.items():
        counted = deployed.counted_in(made)
        deployed.told(f"{made} has {counted}, of which {at_least} were promised")
        assert at_least <= counted <= load.acknowledged() + 1
        deployed.fly("volumes", "destroy", made, "--erase", "--yes")


def extend(deployed: Deployed, load: Load) -> None:
    """The machine sees the new size while it runs, or the command says that it must be started anew."""
    said = deployed.fly("volumes", "extend", deployed.volume, "--size", "+1", "--yes")
    assert deployed.shown(deployed.volume)["size_gb"] == 2
    size = int(deployed.calls.shell(deployed.machine, "df -k /data | tail -n 1").split()[1])
    assert size > 1_500_000 or "restart" in said, said
    deployed.told(f"extended; the machine sees {size >> 10} MiB")
    assert_writing(load)


def copy(deployed: Deployed, load: Load) -> dict[str, int]:
    """A snapshot and what is made of it, a fork here and a fork there; with each, what it must have at least."""
    volume, copies = deployed.volume, {}
    zone = deployed.shown(volume)["zone"]
    at_snapshot = load.acknowledged()
    deployed.fly("volumes", "snapshots", "create", volume)

    def kept() -> Any:
        (one,) = deployed.json("volumes", "snapshots", "list", volume)
        assert one["status"] != "failed", one
        is_kept = deployed.shown(volume).get("last_kept_snapshot_id") == one["id"] is not None
        return one["id"] if one["status"] == "created" and is_kept else None

    snapshot = str(wait_until(kept, "the snapshot is created and kept", deadline=KEPT_DEADLINE))
    deployed.told("snapshot kept")
    name = deployed.shown(volume)["name"]
    made = deployed.json("volumes", "create", name, "--snapshot-id", snapshot, "--yes")
    assert (made["size_gb"], made["zone"] != zone) == (2, True)
    copies[made["id"]] = at_snapshot
    for words, same in (("--require-unique-zone=false",), True), ((), False):
        at = load.acknowledged()
        # The other host has a volume of that name by now, so this one has another name.
        made = deployed.json("volumes", "fork", volume, *words, *(() if same else ("--name", f"{name}_away")))
        deployed.told(f"forked, {'same' if same else 'any'} host")
        assert (made["zone"] == zone) or not same, made
        copies[made["id"]] = at
    look_into(deployed, snapshot, at_snapshot)
    assert_writing(load)
    return copies


def look_into(deployed: Deployed, snapshot: str, at_least: int) -> None:
    """Files of the snapshot, without restoring it."""
    listed = deployed.json("volumes", "snapshots", "ls", snapshot)
    names = {entry["name"] for entry in listed["entries"]}
    wanted, inside = {
        "guestbook": ("guestbook.db", "guestbook.db"),
        "postgres": ("postgres", "postgres/PG_VERSION"),
    }[deployed.app]
    assert wanted in names
    words = [BIN / "fly", "volumes", "snapshots", "cat", snapshot, inside]
    environment = deployed.up.environment
    content = subprocess.run(words, cwd=deployed.folder, env=environment, capture_output=True, check=True).stdout
    local = deployed.folder / "got"
    deployed.fly("volumes", "snapshots", "get", snapshot, inside, str(local))
    assert local.read_bytes() == content != b""
    deployed.fly("volumes", "snapshots", "get", snapshot, "/", str(deployed.folder / "whole"))
    assert {path.name for path in (deployed.folder / "whole").iterdir()} == names
    deployed.told("looked into")


def carry(deployed: Deployed, load: Load) -> dict[str, int]:
    """Out into a file, and in again."""
    at = load.acknowledged()
    deployed.fly("volumes", "export", deployed.volume, "-o", "out.tar.zst")
    deployed.told("exported")
    words = ("--from", "out.tar.zst", "-r", "lhr", "--size", "2")
    made = deployed.json("volumes", "import", "carried", *words)
    deployed.told("imported")
    assert_writing(load)
    return {str(made["id"]): at}


def update(deployed: Deployed, load: Load) -> None:
    changed = ("--snapshot-retention", "9", "--iops", "5000", "--bandwidth", "200MiB")
    shown = deployed.json("volumes", "update", deployed.volume, *changed)
    assert shown["snapshot_retention"] == 9
    assert shown["io_limits"] == {"iops": 5000, "bandwidth": 200 << 20}
    assert_writing(load)


def bring_back(deployed: Deployed, volume: str) -> None:
    """Destroyed and brought back, it has what it had."""
    before = deployed.counted_in(volume)
    deployed.fly("volumes", "destroy", volume, "--yes")
    assert volume not in [one["id"] for one in deployed.json("volumes", "list")]
    deployed.fly("volumes", "restore", volume)
    assert deployed.counted_in(volume) == before
    deployed.told("brought back")
