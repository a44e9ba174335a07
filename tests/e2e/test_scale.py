"""`fly scale` on real machines: how many there are, with whose data, and what the kernel gives them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from real_calls import Calls
from real_up import left_behind, running

pytestmark = pytest.mark.e2e

APP = "scaling"


@pytest.fixture(scope="module")
def calls() -> Iterator[Calls]:
    with running(hosts=2, pool_size="6G") as up:
        calls = Calls(up, APP, make=False)
        yield calls
        calls.close()
    assert left_behind(up.data) == []


@pytest.fixture(scope="module")
def app(calls: Calls, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an app that has one machine and one volume, deployed."""
    folder = tmp_path_factory.mktemp("app")
    (folder / "fly.toml").write_text(
        f'app = "{APP}"\nprimary_region = "lhr"\n[build]\nimage = "{calls.image}"\n'
        '[mounts]\nsource = "data"\ndestination = "/data"\n'
    )
    calls.up.fly("apps", "create", APP, folder=folder)
    calls.up.fly("deploy", "--ha=false", "--smoke-checks=false", folder=folder)
    (machine,) = _machines(calls)
    calls.shell(machine["id"], "echo first > /data/entry; sync")
    return folder


def _machines(calls: Calls) -> list[Any]:
    found: list[Any] = calls.ok("GET", "/machines")
    return sorted(found, key=lambda machine: str(machine["created_at"]))


def _volume_of(machine: Any) -> str:
    return str(machine["config"]["mounts"][0]["volume"])


def test_a_second_machine_comes_with_a_volume_of_its_own_in_another_zone(calls: Calls, app: Path) -> None:
    said = calls.up.fly("scale", "count", "2", "--yes", folder=app)
    first, second = _machines(calls)
    assert "  +1 volumes  for group 'app' in region 'lhr'\n" in said
    assert f"  Created {second['id']} group:app region:lhr size:shared-cpu-1x volume:{_volume_of(second)}\n" in said
    volumes = {volume["id"]: volume for volume in calls.ok("GET", "/volumes")}
    assert volumes[_volume_of(first)]["zone"] != volumes[_volume_of(second)]["zone"]
    assert calls.shell(second["id"], "ls /data; grep -c ' /data ext4 ' /proc/mounts") == "1\n"
    assert "nothing to do" in calls.up.fly("scale", "count", "2", "--yes", folder=app)
    told = json.loads(calls.up.fly("scale", "show", "--json", folder=app))
    assert [(group["Process"], group["Count"], group["Regions"]) for group in told] == [("app", 2, {"lhr": 2})]


def test_the_newest_goes_first_and_up_again_brings_its_volume_back(calls: Calls, app: Path) -> None:
    first, second = _machines(calls)
    calls.shell(second["id"], "echo second > /data/entry; sync")
    said = calls.up.fly("scale", "count", "1", "--yes", folder=app)
    assert f"  Destroyed {second['id']} group:app region:lhr size:shared-cpu-1x\n" in said
    assert f"Volume {_volume_of(second)} stays, unattached" in said
    assert "now has one machine, whose volume is on one host" in said
    said = calls.up.fly("scale", "count", "+1", "--yes", folder=app)
    assert f"   1 unattached volumes to be assigned to group 'app' in region 'lhr': {_volume_of(second)}\n" in said
    assert calls.shell(_machines(calls)[1]["id"], "cat /data/entry") == "second\n"
    calls.up.fly("scale", "count", "0", "--yes", folder=app)
    assert _machines(calls) == []
    calls.up.fly("scale", "count", "1", "--yes", folder=app)
    (again,) = _machines(calls)
    assert (_volume_of(again), calls.shell(again["id"], "cat /data/entry")) == (_volume_of(first), "first\n")


def test_a_new_machine_can_begin_with_the_newest_snapshot(calls: Calls, app: Path) -> None:
    (first,) = _machines(calls)
    calls.up.fly("volumes", "snapshots", "create", _volume_of(first), folder=app)
    flags = ("--with-new-volumes", "--from-snapshot", "last", "--env", "ROLE=copy", "--yes")
    said = calls.up.fly("scale", "count", "2", *flags, folder=app)
    assert re.search(r"  Creating volume data region:lhr size:1GiB from-snapshot:vs_\w{16}\n", said)
    copy = _machines(calls)[1]["id"]
    assert calls.shell(copy, "cat /data/entry; echo $ROLE; echo changed > /data/entry") == "first\ncopy\n"
    assert calls.shell(first["id"], "cat /data/entry") == "first\n"


def test_sizes_reach_the_kernel_and_volumes_stay(calls: Calls, app: Path) -> None:
    before = {machine["id"]: _volume_of(machine) for machine in _machines(calls)}
    said = calls.up.fly("scale", "memory", "512", folder=app)
    assert "Scaled VM Type to 'shared-cpu-1x'\n      CPU Cores: 1\n         Memory: 512 MB\n" in said
    assert {machine["id"]: _volume_of(machine) for machine in _machines(calls)} == before
    for machine in before:
        assert _memory_limit(calls, machine) == 512 << 20
        assert calls.shell(machine, "grep -c ' /data ext4 ' /proc/mounts") == "1\n"
    calls.up.fly("scale", "vm", "shared-cpu-2x", "--vm-memory", "768", folder=app, code=0)
    assert {_memory_limit(calls, machine) for machine in before} == {768 << 20}
    assert {machine["config"]["guest"]["cpus"] for machine in _machines(calls)} == {2}
    assert "must be a multiple of 256" in calls.up.fly("scale", "memory", "100", folder=app, code=1)
    assert calls.ask("GET", f"/machines/{next(iter(before))}/lease").status_code == 404  # leases were given back


def _memory_limit(calls: Calls, machine: str) -> int:
    """As the kernel has it, of the machine's first process."""
    groups = Path(f"/proc/{calls.main_pid(machine)}/cgroup").read_text().splitlines()
    for line in groups:
        _, controllers, path = line.split(":", 2)
        if controllers == "memory":
            return int(Path(f"/sys/fs/cgroup/memory{path}/memory.limit_in_bytes").read_text())
    path = groups[-1].split(":", 2)[2]
    return int(Path(f"/sys/fs/cgroup{path}/memory.max").read_text())


def test_what_has_no_room_leaves_what_there_is_and_says_how_to_go_on(calls: Calls, app: Path) -> None:
    said = calls.up.fly("scale", "count", "9", "--yes", folder=app, code=1)
    assert "GB left" in said or "too little" in said, said
    assert f"To go on from there: fly scale count app=9 -a {APP}" in said
    calls.up.fly("scale", "count", "1", "--yes", folder=app)
    assert len(_machines(calls)) == 1
