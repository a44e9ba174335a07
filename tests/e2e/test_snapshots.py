"""Snapshots, forks and restores on a real installation: by command, under load, through kills, two at once."""

from __future__ import annotations

import itertools
import json
import random
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from real_calls import Calls
from real_machines import wait_until
from real_up import left_behind, running

pytestmark = pytest.mark.e2e

AGENT = "caddis.agent"
FILL = "cd /data; i=0; while [ $i -lt 40 ]; do i=$((i+1)); mkdir -p d$i; head -c $((i*3001)) /dev/urandom > d$i/f; done"
SUMS = "cd /data; find . -type f | sort | xargs md5sum; find . | sort | md5sum"
WRITE = "i=0; while true; do i=$((i+1)); echo $i >> /data/ticks; sync /data/ticks 2>/dev/null || sync; sleep 0.02; done"


@pytest.fixture(scope="module")
def calls() -> Iterator[Calls]:
    with running(hosts=1, pool_size="28G") as up:
        calls = Calls(up, "snapshots")
        yield calls
        calls.close()
    assert left_behind(up.data) == []


@pytest.fixture
def machine(calls: Calls) -> Iterator[tuple[str, str]]:
    """A machine that writes all the while, and its volume, which is full of files."""
    volume = calls.make_volume(require_unique_zone=False)
    machine = calls.make_machine(f"{FILL}; {WRITE}", volume=volume)
    calls.await_state(machine, "started")
    wait_until(lambda: calls.shell(machine, "wc -l < /data/ticks 2>/dev/null || echo 0").strip() > "3", "it writes")
    yield machine, volume
    calls.ok("DELETE", f"/machines/{machine}?force=true")


def take(calls: Calls, volume: str) -> str:
    """A snapshot, once it is there."""
    id = calls.ok("POST", f"/volumes/{volume}/snapshots")["id"]

    def look() -> Any:
        (found,) = [one for one in listed(calls, volume) if one["id"] == id]
        assert found["status"] != "failed", found
        return found["status"] == "created"

    wait_until(look, f"snapshot {id} is created")
    return str(id)


def listed(calls: Calls, volume: str) -> list[Any]:
    found: list[Any] = calls.ok("GET", f"/volumes/{volume}/snapshots")
    return found


def read(calls: Calls, volume: str, script: str) -> str:
    """What a script says in a machine of its own that has the volume."""
    machine = calls.make_machine("sleep 1000", volume=volume)
    calls.await_state(machine, "started")
    said = calls.shell(machine, script)
    calls.ok("DELETE", f"/machines/{machine}?force=true")
    wait_until(lambda: not calls.ok("GET", f"/volumes/{volume}")["attached_machine_id"], "the volume is free")
    return said


def test_every_file_is_the_same_after_snapshot_destroy_and_restore(calls: Calls, tmp_path: Path) -> None:
    volume = calls.make_volume(name="kept")
    machine = calls.make_machine(f"{FILL}; sleep 1000", volume=volume)
    calls.await_state(machine, "started")
    wait_until(lambda: "d40" in calls.shell(machine, "ls /data"), "the files are there")
    before = calls.shell(machine, f"sync; {SUMS}")
    fly = calls.up.fly
    said = fly("volumes", "snapshots", "create", volume, "-a", calls.app, folder=tmp_path)
    assert said == f"Scheduled to snapshot volume {volume}\n"
    wait_until(lambda: listed(calls, volume)[0]["status"] == "created", "it is created")
    fork = json.loads(fly("vol", "fork", volume, "-n", "forked", "-a", calls.app, "--json", folder=tmp_path))
    assert (fork["name"], fork["state"], fork["attached_machine_id"]) == ("forked", "created", None)
    calls.ok("DELETE", f"/machines/{machine}?force=true")
    wait_until(lambda: not calls.ok("GET", f"/volumes/{volume}")["attached_machine_id"], "the volume is free")
    fly("volumes", "destroy", volume, "-y", "-a", calls.app, folder=tmp_path)
    table = fly("volumes", "snaps", "ls", volume, "-a", calls.app, folder=tmp_path)
    assert "ID                  │ STATUS  │ STORED SIZE │ VOL SIZE │ CREATED AT" in table
    (snapshot,) = json.loads(fly("volumes", "snapshots", "list", volume, "-a", calls.app, "--json", folder=tmp_path))
    assert list(snapshot) == ["id", "size", "volume_size", "digest", "created_at", "status", "retention_days"]
    assert (snapshot["volume_size"], snapshot["retention_days"]) == (1 << 30, 5)
    words = ["volumes", "create", "again", "--snapshot-id", snapshot["id"], "-y", "-a", calls.app, "--json"]
    again = json.loads(fly(*words, folder=tmp_path))
    assert (again["size_gb"], again["state"]) == (1, "created")
    larger = json.loads(fly(*words, "--size", "2", folder=tmp_path))
    assert larger["size_gb"] == 2
    for copy in (fork, again, larger):
        assert read(calls, copy["id"], SUMS) == before
    assert int(read(calls, larger["id"], "df -k /data | tail -1").split()[1]) > 1_500_000


def test_a_raw_volume_is_a_device_in_its_machine_and_can_be_forked(calls: Calls) -> None:
    raw = {"name": "raw", "fstype": "raw", "encrypted": False, "require_unique_zone": False}
    volume = calls.make_volume(**raw)
    machine = calls.make_machine("sleep 1000", volume=volume)
    calls.await_state(machine, "started")
    calls.shell(machine, "echo bytes | dd of=/data bs=512 seek=1000 conv=sync,fsync 2>/dev/null; test -b /data")
    fork = calls.ok("POST", "/volumes", {"name": "raw", "source_volume_id": volume, "require_unique_zone": False})
    calls.shell(machine, "echo other | dd of=/data bs=512 seek=1000 conv=sync,fsync 2>/dev/null")
    assert fork["fstype"] == "raw"
    assert read(calls, fork["id"], "dd if=/data bs=512 skip=1000 count=1 2>/dev/null | head -c 5") == "bytes"
    # the root takes device nodes now, so the control group alone says which of them can be opened: its own
    tried = "for i in $(seq 0 40); do mknod /tmp/d$i b 7 $i; head -c 1 /tmp/d$i >/dev/null 2>&1 && echo $i; done; true"
    assert len(calls.shell(machine, tried).split()) == 1
    others = "for n in 'b 254 0' 'b 8 0' 'c 1 1' 'c 1 11' 'c 10 237'; do rm -f /tmp/o; mknod /tmp/o $n; "
    assert calls.shell(machine, others + "head -c 1 /tmp/o >/dev/null 2>&1 && echo $n; done; true") == ""
    calls.ok("DELETE", f"/machines/{machine}?force=true")


def test_bad_input_is_one_sentence(calls: Calls, tmp_path: Path) -> None:
    volume = calls.make_volume(name="bad", require_unique_zone=False, size_gb=2)
    snapshot = take(calls, volume)

    def refused(*words: str) -> str:
        return calls.up.fly(*words, "-a", calls.app, folder=tmp_path, code=1)

    create = ("volumes", "create", "x", "-y", "--snapshot-id")
    assert f"snapshot {snapshot} is of a volume of 2 GB, and 1 GB is too small" in refused(*create, snapshot, "-s", "1")
    assert "snapshot not found" in refused(*create, "vs_0000000000000000")
    assert "volume not found" in refused("volumes", "fork", "vol_0000000000000000")
    assert "volume not found" in refused("volumes", "snapshots", "create", "vol_0000000000000000")
    assert "volume not found" in refused("volumes", "snapshots", "list", "vol_0000000000000000")
    assert "accepts 1 arg(s), received 0" in refused("volumes", "snapshots", "list")
    for days in (0, 61):
        answer = calls.refused(422, "PUT", f"/volumes/{volume}", {"snapshot_retention": days})
        assert "1 to 60 days" in answer
    calls.ok("DELETE", f"/volumes/{volume}")
    assert "is pending_destroy: only a volume in use" in refused("volumes", "fork", volume)
    assert "is pending_destroy: only a volume in use" in refused("volumes", "snapshots", "create", volume)
    assert "is pending_destroy: its settings" in refused("volumes", "update", volume, "--snapshot-retention", "9")
    calls.ok("POST", "/v1/apps", {"app_name": "stranger", "org_slug": "personal"})
    for source in ({"snapshot_id": snapshot}, {"source_volume_id": volume}):
        calls.refused(404, "POST", "/v1/apps/stranger/volumes", {"name": "x", "region": "lhr", **source})
    calls.refused(404, "GET", f"/v1/apps/stranger/volumes/{volume}/snapshots")


def test_kills_of_the_agent_leave_no_snapshot_half_made_and_no_volume_frozen(
    calls: Calls, machine: tuple[str, str]
) -> None:
    id, volume = machine
    chance = random.Random(11)
    for _ in range(4):
        before = {one["id"] for one in listed(calls, volume)}
        with ThreadPoolExecutor() as pool:
            asked = [pool.submit(calls.ask, "POST", f"/volumes/{volume}/snapshots") for _ in range(3)]
            wait_until(lambda: chance.random() < 0.3, "a moment passes")
            calls.kill(AGENT)
            answers = [one.result() for one in asked]
        acknowledged = {one.json()["id"] for one in answers if one.status_code < 300}

        def settled() -> bool:
            return all(one["status"] in ("created", "failed") for one in listed(calls, volume))

        wait_until(settled, "every snapshot has ended")
        assert acknowledged <= {one["id"] for one in listed(calls, volume)} | before
        ticks = int(calls.shell(id, "wc -l < /data/ticks"))
        wait_until(lambda: int(calls.shell(id, "wc -l < /data/ticks")) > ticks, "it writes on")  # noqa: B023
    whole = [one["id"] for one in listed(calls, volume) if one["status"] == "created"]
    counts = []
    for snapshot in (whole[0], whole[-1]):
        wanted = {"name": "copy", "region": "lhr", "snapshot_id": snapshot, "require_unique_zone": False}
        copy = calls.ok("POST", "/volumes", wanted)["id"]
        lines = read(calls, copy, "cat /data/ticks").split()
        assert lines == [str(number + 1) for number in range(len(lines))]
        counts.append(len(lines))
    assert counts[0] < counts[1]


VERBS = ["snapshot", "fork", "update", "destroy", "restore", "extend"]
PAIRS = sorted(itertools.combinations_with_replacement(VERBS, 2), key=lambda pair: "extend" in pair)  # it only grows


@pytest.fixture(scope="module")
def volume(calls: Calls) -> str:
    return calls.make_volume(name="pair", require_unique_zone=False)


@pytest.mark.parametrize(("one", "other"), PAIRS)
def test_two_operations_on_one_volume_at_once_end_in_a_clean_order(
    calls: Calls, volume: str, one: str, other: str
) -> None:
    path = f"/volumes/{volume}"
    size_gb = calls.ok("GET", path)["size_gb"]
    if "restore" in (one, other):
        calls.ok("DELETE", path)
    requests: dict[str, tuple[str, str, object]] = {
        "extend": ("PUT", f"{path}/extend", {"size_gb": size_gb + 1}),
        "snapshot": ("POST", f"{path}/snapshots", None),
        "fork": ("POST", "/volumes", {"name": "f", "source_volume_id": volume, "require_unique_zone": False}),
        "update": ("PUT", path, {"snapshot_retention": 9}),
        "destroy": ("DELETE", path, None),
        "restore": ("POST", f"{path}/restore", None),
    }
    with ThreadPoolExecutor() as pool:
        answers = list(pool.map(lambda verb: calls.ask(*requests[verb]), (one, other)))
    for answer in answers:
        assert answer.status_code < 300 or 400 <= answer.status_code < 500, answer.text
        assert answer.status_code < 300 or len(answer.json()["error"]) > 20
    assert any(answer.status_code < 300 for answer in answers)

    def rests() -> bool:
        found = calls.ok("GET", path)
        waiting = [each for each in listed(calls, volume) if each["status"] in ("waiting", "running")]
        return found["state"] in ("created", "pending_destroy") and not waiting

    wait_until(rests, "everything has ended")
    state = calls.ok("GET", path)["state"]
    if state == "pending_destroy":
        calls.ok("POST", f"{path}/restore")
    assert read(calls, volume, "echo whole") == "whole\n"
    for answer, verb in zip(answers, (one, other), strict=True):
        if verb == "fork" and answer.status_code < 300:
            assert read(calls, answer.json()["id"], "echo whole") == "whole\n"
