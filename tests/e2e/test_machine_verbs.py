"""`fly machine` on real machines: what each verb says, and what the kernel has afterwards."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from real_calls import Calls
from real_machines import wait_until
from real_up import left_behind, running

pytestmark = pytest.mark.e2e

APP = "verbs"
SLEEP = ("--", "sleep", "1000")


@pytest.fixture(scope="module")
def calls() -> Iterator[Calls]:
    with running(hosts=2, pool_size="7G") as up:
        calls = Calls(up, APP)
        yield calls
        calls.close()
    assert left_behind(up.data) == []


@pytest.fixture(autouse=True)
def _nothing_stays(calls: Calls) -> Iterator[None]:
    yield
    for machine in calls.ok("GET", "/machines"):
        calls.ok("DELETE", f"/machines/{machine['id']}?force=true")
    for volume in calls.ok("GET", "/volumes"):
        if volume["state"] != "pending_destroy":
            calls.ok("DELETE", f"/volumes/{volume['id']}?erase=true")


class Fly:
    """`fly machine …` for the one app."""

    def __init__(self, calls: Calls, folder: Path) -> None:
        self._calls, self._folder = calls, folder

    def __call__(self, *words: str, code: int = 0) -> str:
        cut = words.index("--") if "--" in words else len(words)
        return self._calls.up.fly("machine", *words[:cut], "-a", APP, *words[cut:], folder=self._folder, code=code)

    def run(self, *words: str) -> str:
        """The id of a new machine of the tiny image."""
        found = re.search(r"Machine ID: (\w{14})", self("run", self._calls.image, *words))
        assert found
        return found[1]


@pytest.fixture
def fly(calls: Calls, tmp_path: Path) -> Fly:
    return Fly(calls, tmp_path)


def _memory_limit(calls: Calls, machine: str) -> int:
    groups = Path(f"/proc/{calls.main_pid(machine)}/cgroup").read_text().splitlines()
    for line in groups:
        _, controllers, path = line.split(":", 2)
        if controllers == "memory":
            return int(Path(f"/sys/fs/cgroup/memory{path}/memory.limit_in_bytes").read_text())
    path = groups[-1].split(":", 2)[2]
    return int(Path(f"/sys/fs/cgroup{path}/memory.max").read_text())


def _mounts(calls: Calls, machine: str) -> list[str]:
    """Where ext4 file systems are mounted, as the kernel has it for the machine's first process."""
    lines = Path(f"/proc/{calls.main_pid(machine)}/mountinfo").read_text().splitlines()
    return [line.split()[4] for line in lines if " - ext4 " in line and line.split()[4].startswith(("/data", "/srv"))]


def test_run_mounts_a_volume_by_name_and_everything_asked_for_is_there(calls: Calls, fly: Fly) -> None:
    volume = calls.make_volume()
    words = ["-v", "data:/data", "-r", "lhr", "-e", "A=b", "--file-literal", "/etc/motd=hello", "--vm-memory", "512"]
    said = fly("run", calls.image, *words, "-p", "80:8080", "-m", "role=x", *SLEEP)
    assert f"Success! A Machine has been successfully launched in app {APP}\n" in said
    assert re.search(r"Machine started, you can connect via the following private ip\n  [0-9a-f:]+\n", said)
    (machine,) = calls.ok("GET", "/machines")
    mount = machine["config"]["mounts"][0]
    assert (mount["volume"], mount["name"], mount["size_gb"], mount["encrypted"]) == (volume, "data", 1, True)
    assert calls.shell(machine["id"], "echo $A; cat /etc/motd") == "b\nhello"
    assert (_mounts(calls, machine["id"]), _memory_limit(calls, machine["id"])) == (["/data"], 512 << 20)
    assert "No unattached volumes in region 'lhr'" in fly("run", calls.image, "-v", "data:/data", code=1)
    said = fly("run", calls.image, "-v", f"{volume}:/data", code=1)
    assert f"volume {volume} is already attached to machine {machine['id']}" in said
    assert len(calls.ok("GET", "/machines")) == 1


def test_a_machine_for_one_command_destroys_itself_and_lets_its_volume_go(calls: Calls, fly: Fly) -> None:
    volume = calls.make_volume()
    fly("run", calls.image, "--rm", "-v", f"{volume}:/data", "--", "sh", "-c", "echo done > /data/entry")
    wait_until(lambda: calls.ok("GET", "/machines") == [], "it is gone")
    reader = fly.run("-v", f"{volume}:/data", *SLEEP)
    assert calls.shell(reader, "cat /data/entry") == "done\n"


def test_create_rests_until_it_is_started_and_stop_can_wait(calls: Calls, fly: Fly) -> None:
    fly("create", calls.image, "--name", "one", *SLEEP)
    (machine,) = calls.ok("GET", "/machines")
    name = machine["id"]
    assert (machine["name"], calls.ok("GET", f"/machines/{name}")["state"]) == ("one", "stopped")
    assert fly("start", name) == f"{name} has been started\n"
    assert fly("wait", name, "--state", "started") == f'Machine {name} reached state "started"\n'
    fly("stop", name, "--signal", "SIGKILL", "-w", "30")
    assert calls.machine(name)["state"] == "stopped"
    assert fly("wait", name) == f'Machine {name} reached state "stopped"\n'
    assert fly("destroy", name).endswith(f"{name} has been destroyed\n")


def test_update_moves_the_volume_and_changes_the_limits(calls: Calls, fly: Fly) -> None:
    volume = calls.make_volume()
    machine = fly.run("-v", f"{volume}:/data", *SLEEP)
    calls.shell(machine, "echo kept > /data/entry; sync")
    said = fly("update", machine, "--mount-point", "/srv/data", "--vm-memory", "768", "--yes")
    assert '-      "path": "/data"' in said and '+      "path": "/srv/data"' in said
    assert f"Machine {machine} updated successfully!" in said
    assert (_mounts(calls, machine), _memory_limit(calls, machine)) == (["/srv/data"], 768 << 20)
    assert calls.shell(machine, "cat /srv/data/entry") == "kept\n"
    assert "no config changes found" in fly("update", machine, "--vm-memory", "768", "--yes", code=1)
    assert "yes flag must be specified" in fly("update", machine, "--env", "A=1", code=1)
    fly("stop", machine, "-s", "SIGKILL", "-w", "30")
    fly("update", machine, "--env", "A=1", "--skip-start", "--yes")
    assert calls.machine(machine)["state"] == "stopped"


def test_a_clone_s_volume_is_empty_or_holds_a_snapshot_and_is_its_own(calls: Calls, fly: Fly) -> None:
    volume = calls.make_volume()
    source = fly.run("-v", f"{volume}:/data", *SLEEP)
    calls.shell(source, "echo kept > /data/entry; sync")
    said = fly("clone", source, "--from-snapshot", "last")
    assert f"No snapshot for source volume {volume}" in said and "Volume 'data' will start empty" in said
    calls.ok("POST", f"/volumes/{volume}/snapshots")
    said = fly("clone", source, "--from-snapshot", "last", "--volume-requires-unique-zone=false")
    assert re.search(r"Creating new volume from snapshot: vs_\w{16}\n", said)
    empty, full = sorted(
        (one["id"] for one in calls.ok("GET", "/machines") if one["id"] != source),
        key=lambda one: str(calls.machine(one)["created_at"]),
    )
    assert calls.shell(empty, "ls /data") == ""
    assert calls.shell(full, "cat /data/entry; echo changed > /data/entry") == "kept\n"
    assert calls.shell(source, "cat /data/entry") == "kept\n"
    zones = {one["attached_machine_id"]: one["zone"] for one in calls.ok("GET", "/volumes")}
    assert zones[empty] != zones[source]
    before = len(calls.ok("GET", "/volumes"))
    said = fly("clone", source, code=1)
    assert "unique zone" in said and "--volume-requires-unique-zone=false" in said
    assert len(calls.ok("GET", "/volumes")) == before


def test_a_clone_takes_a_volume_that_is_there(calls: Calls, fly: Fly) -> None:
    source = fly.run(*SLEEP)
    volume = calls.make_volume(name="spare")
    said = fly("clone", source, "--attach-volume", volume, code=1)
    assert f"Please specify a mount path on '{volume}'" in said
    fly("clone", source, "--attach-volume", f"{volume}:/data")
    attached = calls.ok("GET", f"/volumes/{volume}")["attached_machine_id"]
    assert attached not in (None, source) and _mounts(calls, attached) == ["/data"]
    assert "already attached to a machine" in fly("clone", source, "--attach-volume", f"{volume}:/data", code=1)


def test_kill_ends_the_program_and_its_policy_decides(calls: Calls, fly: Fly) -> None:
    machine = fly.run("--restart", "no", *SLEEP)
    assert fly("kill", machine) == "kill signal has been sent\n"
    fly("wait", machine, "--state", "stopped", "-w", "30")
    assert "is stopped, not started" in fly("kill", machine, code=1)


def test_cordon_is_kept_and_suspend_is_refused_plainly(calls: Calls, fly: Fly) -> None:
    machine = fly.run(*SLEEP)
    fly("cordon", machine)
    assert calls.machine(machine)["cordoned"] is True
    fly("uncordon", machine)
    assert calls.machine(machine)["cordoned"] is False
    said = fly("suspend", machine, code=1)
    assert "machines cannot be suspended here" in said and f"fly machine stop {machine}" in said
    assert calls.machine(machine)["state"] == "started"


def test_a_lease_keeps_others_away_and_can_be_cleared(calls: Calls, fly: Fly) -> None:
    machine = fly.run(*SLEEP)
    calls.ok("POST", f"/machines/{machine}/lease", {"ttl": 60})
    for verb in (
        ("update", machine, "-e", "A=1", "-y"),
        ("stop", machine),
        ("destroy", machine, "-f"),
        ("cordon", machine),
    ):
        assert "lease currently held by" in fly(*verb, code=1)
    assert machine in fly("leases", "view") and machine in json.loads(fly("leases", "view", "--json"))
    assert fly("leases", "clear", machine).endswith("Lease(s) cleared\n")
    assert fly("leases", "view") == "No leases found\n"
    fly("update", machine, "-e", "A=1", "-y")


def test_placements_are_what_the_hosts_have_room_for(calls: Calls, fly: Fly) -> None:
    def count(*words: str) -> Any:
        found = json.loads(fly("place", "--count", "100", "--json", *words))
        return found[0]["count"] if found else 0

    before = count("--volume-name", "data", "--volume-size", "2")
    assert 0 < before < 100
    calls.make_volume(size_gb=2)
    assert count("--volume-name", "data", "--volume-size", "2") < before
    assert count("--volume-name", "data", "--volume-size", "400") == 0
    assert "region mars not found" in fly("place", "--region", "mars", code=1)


def test_two_machines_of_one_kind_go_to_two_hosts(calls: Calls, fly: Fly) -> None:
    kinds = ("web", "web", "worker", "worker")
    made = [fly.run("-m", f"fly_process_group={kind}", "--detach", *SLEEP) for kind in kinds]
    for machine in made:
        calls.await_state(machine, "started")
    hosts = [_host_of(calls, machine) for machine in made]
    assert len(set(hosts[:2])) == len(set(hosts[2:])) == 2


def _host_of(calls: Calls, machine: str) -> str:
    """As its control group is named."""
    found = re.search(r"/caddis-\w+-(\w+)/", Path(f"/proc/{calls.main_pid(machine)}/cgroup").read_text())
    assert found
    return found[1]


def test_a_config_that_cannot_be_is_refused_in_one_sentence(calls: Calls) -> None:
    volume, other = calls.make_volume(), calls.make_volume(name="other")
    machine = calls.make_machine("sleep 1000", volume=volume)
    calls.ok("POST", "/v1/apps", {"app_name": "neighbour", "org_slug": "personal"})
    foreign = calls.ok("POST", "/v1/apps/neighbour/volumes", {"name": "data", "size_gb": 1})["id"]
    two = [{"volume": other, "path": "/a"}, {"volume": other, "path": "/b"}]
    for config, complaint in (
        ({"mounts": two}, "a machine mounts at most one volume"),
        ({"mounts": [{"volume": "vol_0000000000000000", "path": "/data"}]}, "does not exist"),
        ({"mounts": [{"volume": "nothing", "path": "/data"}]}, "has no volume named 'nothing'"),
        ({"mounts": [{"volume": foreign, "path": "/data"}]}, "belongs to another app"),
        ({"mounts": [{"volume": other}]}, "path is missing"),
        ({"mounts": [{"volume": other, "path": "data"}]}, "must be absolute"),
        ({"guest": {"cpu_kind": "shared", "cpus": 3, "memory_mb": 768}}, "a machine with shared CPUs has"),
        ({"guest": {"cpu_kind": "shared", "cpus": 1, "memory_mb": 300}}, "must be a multiple of 256"),
    ):
        wanted = {"region": "lhr", "config": {"image": calls.image, **config}}
        assert complaint in calls.refused(422, "POST", "/machines", wanted)
    elsewhere = {"region": "ord", "config": {"image": calls.image, "mounts": [{"volume": other, "path": "/data"}]}}
    assert "is in region lhr and the machine is wanted in ord" in calls.refused(422, "POST", "/machines", elsewhere)
    moved = {"config": {"image": calls.image, "mounts": [{"volume": other, "path": "/data"}]}}
    assert "only the path can change" in calls.refused(422, "POST", f"/machines/{machine}", moved)
    without = {"config": {"image": calls.image}}
    assert "cannot be given no volume" in calls.refused(422, "POST", f"/machines/{machine}", without)
    assert [one["id"] for one in calls.ok("GET", "/machines")] == [machine]
    calls.ok("DELETE", "/v1/apps/neighbour?force=true")
