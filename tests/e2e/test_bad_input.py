"""What bad input gets (promise P9): one clear sentence, exit 1 or a 4xx, and nothing changed."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from real_calls import Calls
from real_up import left_behind, running
from tiny_image import make_tiny_image

pytestmark = pytest.mark.e2e

CREATE = "volumes create {name} --region {region} --size {size} --app bad --yes"
MEGABYTE = 1 << 20


@pytest.fixture(scope="module")
def calls() -> Iterator[Calls]:
    with running(hosts=2, pool_size="14G") as up:
        calls = Calls(up, "bad")
        calls.ok("POST", "/v1/apps", {"app_name": "other", "org_slug": "personal"})
        yield calls
        calls.close()
    assert left_behind(up.data) == []


@pytest.fixture(autouse=True)
def _nothing_changes(calls: Calls) -> Iterator[None]:
    """Whatever a test makes on purpose, it removes itself."""
    before = everything(calls)
    yield
    assert everything(calls) == before


def everything(calls: Calls) -> Any:
    apps = sorted(app["name"] for app in calls.ok("GET", "/v1/apps?org_slug=personal")["apps"])
    volumes = [
        (one["id"], one["attached_machine_id"])
        for app in apps
        for one in calls.ok("GET", f"/v1/apps/{app}/volumes")
        if one["state"] != "pending_destroy"
    ]
    machines = [one["id"] for app in apps for one in calls.ok("GET", f"/v1/apps/{app}/machines")]
    return apps, sorted(volumes), sorted(machines)


def refuse(calls: Calls, command: str, folder: Path) -> str:
    """What `fly` says to it; it must end with 1, say one thing, and show no Python."""
    said = calls.up.fly(*shlex.split(command), folder=folder, code=1)
    assert "Traceback" not in said and "incident" not in said, said
    assert said.count("Error: ") == 1, said
    return said


@pytest.mark.parametrize(
    ("wish", "says"),
    [
        ({"region": "xyz"}, r"(?s)xyz.*lhr"),
        ({"name": "My-Data"}, r"My-Data.*lowercase"),
        ({"name": "a" * 31}, r"30"),
        ({"name": "''"}, r"name"),
        ({"size": "0"}, r"1 .*500"),
        ({"size": "-1"}, r"1 .*500"),
        ({"size": "501"}, r"1 .*500"),
        ({"size": "abc"}, r"abc"),
        ({"size": "1.5"}, r"1\.5"),
        ({"size": "100"}, r"100 GB.*most.*GiB"),
    ],
)
def test_a_volume_that_cannot_be(calls: Calls, tmp_path: Path, wish: dict[str, str], says: str) -> None:
    said = refuse(calls, CREATE.format(**{"name": "data", "region": "lhr", "size": "1", **wish}), tmp_path)
    assert re.search(says, said), said


@pytest.mark.parametrize(
    ("wish", "field"),
    [
        ({"region": "xyz"}, "region"),
        ({"name": "My-Data"}, "name"),
        ({"name": 7}, "name"),
        ({"size_gb": 0}, "size_gb"),
        ({"size_gb": -1}, "size_gb"),
        ({"size_gb": 501}, "size_gb"),
        ({"size_gb": "abc"}, "size_gb"),
        ({"size_gb": 10**30}, "size_gb"),
    ],
)
def test_the_api_names_the_field(calls: Calls, wish: dict[str, object], field: str) -> None:
    answer = calls.ask("POST", "/volumes", {"name": "data", "region": "lhr", "size_gb": 1, **wish})
    assert answer.status_code in (400, 422), answer.text
    assert field.removesuffix("_gb") in answer.json()["error"], answer.text


def test_a_third_volume_in_unique_zones_on_two_hosts_says_how(calls: Calls, tmp_path: Path) -> None:
    made = [calls.make_volume(name="zoned", require_unique_zone=True) for _ in range(2)]
    said = refuse(calls, CREATE.format(name="zoned", region="lhr", size=1), tmp_path)
    assert "--require-unique-zone=false" in said
    for volume in made:
        calls.ok("DELETE", f"/volumes/{volume}")


def mount(volume: str, path: str = "/data") -> dict[str, object]:
    return {"mounts": [{"volume": volume, "path": path}]}


def test_a_volume_of_another_app_or_region_or_machine_is_not_attached(calls: Calls) -> None:
    ours, theirs = calls.make_volume(), calls.ok("POST", "/v1/apps/other/volumes", volume_wish())["id"]
    config = {"image": calls.image, "init": {"exec": ["/bin/sleep", "1000"]}}
    foreign = calls.refused(422, "POST", "/machines", {"region": "lhr", "config": {**config, **mount(theirs)}})
    assert theirs in foreign and "another app" in foreign
    elsewhere = calls.ask("POST", "/machines", {"region": "ams", "config": {**config, **mount(ours)}})
    assert elsewhere.status_code in (400, 422) and re.search("ams|lhr", elsewhere.text), elsewhere.text
    holder = calls.make_machine("sleep 1000", volume=ours)
    held = calls.refused(409, "POST", "/machines", {"region": "lhr", "config": {**config, **mount(ours)}})
    assert ours in held and holder in held
    deleted = calls.refused(409, "DELETE", f"/volumes/{ours}")
    assert holder in deleted
    calls.ok("DELETE", f"/machines/{holder}?force=true")
    calls.ok("DELETE", f"/volumes/{ours}")
    calls.ok("DELETE", f"/v1/apps/other/volumes/{theirs}")


def test_a_volume_that_cannot_grow_so(calls: Calls, tmp_path: Path) -> None:
    volume = calls.make_volume(size_gb=2)
    for size, says in (
        ("1", "only grow"),
        ("2", "only grow"),
        ("501", "500"),
        ("+499", "500"),
        ("400", "left"),
        ("abc", "abc"),
        ("0", "must be specified"),
        ("=-5", "-5"),
    ):
        said = refuse(calls, f"volumes extend {volume} --app bad --size{'' if size[0] == '=' else ' '}{size}", tmp_path)
        assert says in said, said
    assert "invalid size" in refuse(calls, f"volumes extend {volume} --app bad", tmp_path)
    assert calls.ok("GET", f"/volumes/{volume}")["size_gb"] == 2
    calls.ok("DELETE", f"/volumes/{volume}")


def volume_wish() -> dict[str, object]:
    return {"name": "data", "region": "lhr", "size_gb": 1}


@pytest.mark.parametrize("path", ["/", "data", "", "/data/../..", "//", "/proc", "/dev/shm", "/data\0"])
def test_a_mount_that_cannot_be(calls: Calls, path: str) -> None:
    volume = calls.make_volume()
    answer = calls.ask("POST", "/machines", {"region": "lhr", "config": {"image": calls.image, **mount(volume, path)}})
    assert answer.status_code in (400, 422), answer.text
    assert "path" in answer.json()["error"] or "mount" in answer.json()["error"], answer.text
    calls.ok("DELETE", f"/volumes/{volume}")


def write_app(folder: Path, more: str = "", *, name: str = "bad") -> None:
    (folder / "fly.toml").write_text(f'app = "{name}"\nprimary_region = "lhr"\n{more}')


MOUNT = '[mounts]\nsource = "missing"\ndestination = "{}"\n'


@pytest.mark.parametrize("destination", ["/", "relative/path"])
def test_a_destination_that_cannot_be(calls: Calls, tmp_path: Path, destination: str) -> None:
    write_app(tmp_path, MOUNT.format(destination))
    assert "destination" in refuse(calls, f"deploy --image {calls.image}", tmp_path)


def test_two_mounts_for_one_group(calls: Calls, tmp_path: Path) -> None:
    two = '[[mounts]]\nsource = "one"\ndestination = "/one"\n[[mounts]]\nsource = "two"\ndestination = "/two"\n'
    write_app(tmp_path, two)
    assert re.search("one volume|one mount|more than one", refuse(calls, f"deploy --image {calls.image}", tmp_path))


def test_a_deploy_without_its_volume_names_the_command_that_then_works(calls: Calls, tmp_path: Path) -> None:
    deploy = f"deploy --image {calls.image} --ha=false --smoke-checks=false --yes"
    write_app(tmp_path)
    calls.up.fly(*shlex.split(deploy), folder=tmp_path)
    write_app(tmp_path, MOUNT.format("/data"))
    said = refuse(calls, deploy, tmp_path)
    (command,) = re.findall(r"fly (vol\w* create .+?)[`\n]", said)
    calls.up.fly(*shlex.split(command), "--yes", folder=tmp_path)
    calls.up.fly(*shlex.split(deploy), folder=tmp_path)
    (machine,) = calls.ok("GET", "/machines")
    (volume,) = [one for one in calls.ok("GET", "/volumes") if one["state"] == "created"]
    assert volume["attached_machine_id"] == machine["id"]
    calls.ok("DELETE", f"/machines/{machine['id']}?force=true")
    calls.ok("DELETE", f"/volumes/{volume['id']}")


def test_an_image_that_is_not_there_or_is_no_image(calls: Calls, tmp_path: Path) -> None:
    write_app(tmp_path)
    absent = tmp_path / "absent.tar"
    assert str(absent) in refuse(calls, f"deploy --image docker-archive:{absent}", tmp_path)
    whole = Path(make_tiny_image(tmp_path).partition(":")[2]).read_bytes()
    for content in (b"", b"no tar at all" * 100, whole[:99_999]):
        corrupt = tmp_path / "corrupt.tar"
        corrupt.write_bytes(content)
        assert "corrupt.tar" in refuse(calls, f"deploy --image docker-archive:{corrupt}", tmp_path)


def test_a_corrupt_image_costs_no_machine_that_would_be_replaced(calls: Calls, tmp_path: Path) -> None:
    volume = calls.make_volume(name="missing")
    write_app(tmp_path, MOUNT.format("/data"))
    calls.up.fly(*shlex.split(f"deploy --image {calls.image} --smoke-checks=false"), folder=tmp_path)
    corrupt = tmp_path / "corrupt.tar"
    corrupt.write_bytes(b"no tar at all" * 100)
    write_app(tmp_path)
    assert "corrupt.tar" in refuse(calls, f"deploy --image docker-archive:{corrupt} --yes", tmp_path)
    (machine,) = calls.ok("GET", "/machines")
    assert machine["state"] == "started"
    calls.ok("DELETE", f"/machines/{machine['id']}?force=true")
    calls.ok("DELETE", f"/volumes/{volume}")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("app = \n", r"row 1"),
        ('app = "bad"\n[mounts\n', r"row 2"),
        ('app = "bad"\nkill_timeout = true\n', r"kill_timeout"),
        ('app = "bad"\n\n[mounts]\nsource = 7\ndestination = "/data"\n', r"row 4.*source"),
        ('app = "bad"\n[env]\nNUMBER = [1]\n', r"row 3.*NUMBER"),
        ("app = 7\n", r"app"),
        ('app = "bad"\n[http_service]\ninternal_port = "many"\n', r"internal_port"),
        ("\0\1\2", r"row 1"),
    ],
)
def test_a_fly_toml_that_cannot_be_read(calls: Calls, tmp_path: Path, text: str, says: str) -> None:
    (tmp_path / "fly.toml").write_text(text)
    for command in (f"deploy --image {calls.image}", "config validate"):
        said = refuse(calls, command, tmp_path)
        assert re.search(says, said), said
        assert "fly.toml" in said


def test_a_name_that_is_taken_or_cannot_be(calls: Calls, tmp_path: Path) -> None:
    assert "taken" in refuse(calls, "apps create bad", tmp_path)
    for name in ("Not_A_Name", "-x-", "a" * 70, "é"):
        assert "name" in refuse(calls, f"apps create -- {name}", tmp_path)


def test_no_token_or_a_wrong_one(calls: Calls, tmp_path: Path) -> None:
    with httpx2.Client(base_url=calls.client.base_url) as stranger:
        for headers in ({}, {"Authorization": "Bearer fo1_wrong"}, {"Authorization": "Basic x"}):
            answer = stranger.get("/v1/apps/bad/machines", headers=headers)
            assert answer.status_code == 401, answer.text
            assert answer.json()["error"]
    assert "token" in refuse(calls, "volumes list --app bad --access-token wrong", tmp_path)


def test_a_body_of_a_hundred_megabytes(calls: Calls) -> None:
    answer = calls.client.post("/v1/apps/bad/volumes", content=b"[" * 100 * MEGABYTE)
    assert answer.status_code == 413, answer.text
    assert "8 MiB" in answer.json()["error"]
    assert calls.ask("GET", "/machines").status_code == 200


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b"\xff\xfe", b'{"name": "a", "name": 7}', b"[" * 100_000])
def test_a_body_that_is_not_what_it_should_be(calls: Calls, body: bytes) -> None:
    for path in ("/v1/apps", "/v1/apps/bad/volumes", "/v1/apps/bad/machines"):
        answer = calls.client.post(path, content=body)
        assert 400 <= answer.status_code < 500, (path, body[:20], answer.text)
        assert answer.json()["error"]


def test_what_is_not_there(calls: Calls, tmp_path: Path) -> None:
    for id in ("vol_0000000000000000", "vol_x", "../../apps"):
        assert id in refuse(calls, f"volumes show {id} --app bad", tmp_path)
    assert "00000000000000" in refuse(calls, "machine status 00000000000000 --app bad", tmp_path)
    assert "nosuch" in refuse(calls, "volumes list --app nosuch", tmp_path)
    assert "frobnicate" in refuse(calls, "volumes frobnicate", tmp_path)
    assert "--colour" in refuse(calls, "volumes list --app bad --colour", tmp_path)
