"""Lives of machines, through the API of a real installation: starts, ends, restarts, leases, limits."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from real_calls import Calls, event_request
from real_machines import wait_until
from real_up import left_behind, running

pytestmark = pytest.mark.e2e

FOREVER = "trap 'exit 7' TERM; while true; do sleep 0.05; done"
DEAF = "trap '' INT TERM; while true; do sleep 0.05; done"


@pytest.fixture(scope="module")
def calls() -> Iterator[Calls]:
    with running(hosts=1, pool_size="14G") as up:
        calls = Calls(up, "lives")
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
            calls.ok("DELETE", f"/volumes/{volume['id']}")


def test_a_failing_program_is_restarted_as_often_as_its_policy_says(calls: Calls) -> None:
    volume = calls.make_volume()
    restart = {"policy": "on-failure", "max_retries": 2}
    id = calls.make_machine("echo start >> /data/starts; exit 3", volume=volume, restart=restart)
    exits = calls.await_events(id, "exit", 3)
    calls.await_state(id, "stopped")
    assert [event_request(event)["exit_code"] for event in exits] == [3, 3, 3]
    reader = {"config": {"image": calls.image, "init": {"exec": ["/bin/sleep", "1000"]}}}
    reader["config"]["mounts"] = [{"volume": volume, "path": "/data"}]  # type: ignore[assignment]
    calls.ok("POST", f"/machines/{id}", reader)
    calls.await_state(id, "started")
    assert calls.shell(id, "cat /data/starts") == "start\n" * 3


def test_a_program_that_ends_well_is_not_restarted_on_failure(calls: Calls) -> None:
    id = calls.make_machine("exit 0", restart={"policy": "on-failure"})
    calls.await_events(id, "exit", 1)
    calls.await_state(id, "stopped")


def test_a_program_that_must_always_run_is_started_again_after_a_good_end(calls: Calls) -> None:
    id = calls.make_machine("sleep 0.2; exit 0", restart={"policy": "always"})
    assert len(calls.await_events(id, "exit", 2)) >= 2


def test_a_machine_that_destroys_itself_leaves_its_volume_free(calls: Calls) -> None:
    volume = calls.make_volume()
    id = calls.make_machine("exit 0", volume=volume, auto_destroy=True, restart={"policy": "no"})
    wait_until(lambda: calls.machine(id)["state"] == "destroyed", "it is destroyed")
    assert calls.ok("GET", f"/volumes/{volume}")["attached_machine_id"] in (None, "")
    assert id not in [machine["id"] for machine in calls.ok("GET", "/machines")]


def test_the_kill_signal_of_the_config_reaches_the_program(calls: Calls) -> None:
    id = calls.make_machine(FOREVER, stop_config={"signal": "SIGTERM", "timeout": "20s"}, restart={"policy": "no"})
    calls.await_state(id, "started")
    calls.shell(id, "true")
    calls.ok("POST", f"/machines/{id}/stop", {})
    calls.await_state(id, "stopped")
    (end,) = calls.await_events(id, "exit", 1)
    assert event_request(end)["requested_stop"] is True
    assert event_request(end)["exit_code"] in (7, 128 + 15)  # before or after its trap was set


def test_a_deaf_program_is_killed_when_its_time_is_over(calls: Calls) -> None:
    id = calls.make_machine(DEAF)
    calls.await_state(id, "started")
    # its trap is set once it sleeps: the words of the script are in its arguments from the start
    wait_until(lambda: "sleep 0.05" in [one["command"] for one in calls.ok("GET", f"/machines/{id}/ps")], "it sleeps")
    calls.ok("POST", f"/machines/{id}/stop", {"signal": "SIGINT", "timeout": "1s"})
    calls.await_state(id, "stopped")
    (end,) = calls.await_events(id, "exit", 1)
    assert event_request(end)["exit_code"] == 137 or event_request(end)["signal"] == 9


def test_waiting_ends_when_the_state_comes_and_says_so_when_it_does_not(calls: Calls) -> None:
    id = calls.make_machine("sleep 1000")
    calls.ok("GET", f"/machines/{id}/wait?state=started&timeout=20")
    calls.refused(408, "GET", f"/machines/{id}/wait?state=stopped&timeout=1")
    calls.ok("POST", f"/machines/{id}/stop", {"signal": "SIGKILL"})
    instance = calls.machine(id)["instance_id"]
    calls.ok("GET", f"/machines/{id}/wait?state=stopped&timeout=20&instance_id={instance}")


def test_a_stopped_machine_starts_with_a_fresh_root_and_its_old_volume(calls: Calls) -> None:
    volume = calls.make_volume()
    id = calls.make_machine("sleep 1000", volume=volume)
    calls.await_state(id, "started")
    calls.shell(id, "echo lost > /file; echo kept > /data/file; sync")
    calls.ok("POST", f"/machines/{id}/restart")
    calls.await_state(id, "started")
    assert calls.shell(id, "cat /data/file; test -e /file || echo gone") == "kept\ngone\n"
    calls.ok("POST", f"/machines/{id}/stop", {"signal": "SIGKILL"})
    calls.await_state(id, "stopped")
    calls.ok("POST", f"/machines/{id}/start")
    calls.await_state(id, "started")
    assert calls.shell(id, "cat /data/file; test -e /file || echo gone") == "kept\ngone\n"


@pytest.mark.parametrize("encrypted", [False, True])
def test_a_volume_is_extended_while_its_machine_writes_to_it(calls: Calls, tmp_path: Path, encrypted: bool) -> None:
    volume = calls.make_volume(encrypted=encrypted, require_unique_zone=False)
    script = "i=0; while true; do i=$((i+1)); echo $i >> /data/log; sync /data/log; echo $i > /last; done"
    id = calls.make_machine(script, volume=volume)
    calls.await_state(id, "started")
    before = calls.shell(id, "cut -d ' ' -f 22 /proc/1/stat")
    said = calls.up.fly("volumes", "extend", volume, "--size", "+1", "--app", calls.app, folder=tmp_path)
    assert "Size GB: 2" in said
    assert calls.shell(id, "cut -d ' ' -f 22 /proc/1/stat") == before
    if "restart" in said.splitlines()[-1] and "no restart" not in said:
        calls.ok("POST", f"/machines/{id}/restart")
        calls.await_state(id, "started")
    assert int(calls.shell(id, "df -k /data | tail -1 | awk '{print $2}'")) > 1_900_000
    assert calls.shell(id, "awk 'NR > 1 && $1 != last + 1 && $1 != 1 {print} {last = $1}' /data/log") == ""


def test_a_volume_that_fills_up_grows_by_itself_up_to_its_limit(calls: Calls) -> None:
    volume = calls.make_volume(require_unique_zone=False)
    wish = {"volume": volume, "path": "/data", "extend_threshold_percent": 60, "add_size_gb": 1, "size_gb_limit": 2}
    id = calls.make_machine("sleep 1000", mounts=[wish])
    calls.await_state(id, "started")
    calls.shell(id, "dd if=/dev/zero of=/data/fill bs=1M count=700 2>&1")
    (event,) = calls.await_events(id, "extend", 1)
    assert event["request"] == {"volume": volume, "from_size_gb": 1, "size_gb": 2}
    assert calls.ok("GET", f"/volumes/{volume}")["size_gb"] == 2
    calls.ok("POST", f"/machines/{id}/restart")
    calls.await_state(id, "started")
    calls.shell(id, "dd if=/dev/zero of=/data/more bs=1M count=1100 2>&1; sleep 6")  # longer than between two looks
    assert len(calls.await_events(id, "extend", 1)) == 1
    assert calls.ok("GET", f"/volumes/{volume}")["size_gb"] == 2


def test_who_has_no_lease_waits(calls: Calls) -> None:
    id = calls.make_machine("sleep 1000")
    calls.await_state(id, "started")
    lease = calls.ok("POST", f"/machines/{id}/lease", {"ttl": 60, "description": "mine"})["data"]
    mine = {"fly-machine-lease-nonce": lease["nonce"]}
    assert "lease" in calls.refused(409, "POST", f"/machines/{id}/stop", {})
    assert calls.machine(id)["state"] == "started"
    calls.ok("POST", f"/machines/{id}/stop", {"signal": "SIGKILL"}, headers=mine)
    calls.await_state(id, "stopped")
    calls.ok("DELETE", f"/machines/{id}/lease", headers=mine)
    calls.ok("POST", f"/machines/{id}/start")


def test_metadata_is_kept_over_a_new_version(calls: Calls) -> None:
    id = calls.make_machine("sleep 1000")
    calls.await_state(id, "started")
    calls.ok("POST", f"/machines/{id}/metadata/role", {"value": "primary"})
    assert calls.ok("GET", f"/machines/{id}/metadata")["role"] == "primary"
    config = {**calls.machine(id)["config"], "env": {"RELEASE": "2"}}
    before = calls.machine(id)["instance_id"]
    after = calls.ok("POST", f"/machines/{id}", {"config": config})
    assert (after["id"], after["instance_id"] != before) == (id, True)
    calls.await_state(id, "started")
    assert calls.shell(id, "echo $RELEASE") == "2\n"
    assert calls.ok("GET", f"/machines/{id}/metadata")["role"] == "primary"
    calls.ok("DELETE", f"/machines/{id}/metadata/role")
    assert "role" not in calls.ok("GET", f"/machines/{id}/metadata")


def test_a_config_may_hold_what_we_do_not_know_and_gives_it_back(calls: Calls) -> None:
    id = calls.make_machine("sleep 1000", flavour={"of": ["tomorrow"]})
    assert calls.machine(id)["config"]["flavour"] == {"of": ["tomorrow"]}


def test_a_program_run_inside_tells_its_end_and_both_of_its_streams(calls: Calls) -> None:
    id = calls.make_machine("sleep 1000")
    calls.await_state(id, "started")
    wanted = {"command": ["/bin/sh", "-c", "cat; echo oops >&2; exit 4"], "stdin": "hello\n", "timeout": 20}
    done = calls.ok("POST", f"/machines/{id}/exec", wanted)
    assert (done["exit_code"], done["stdout"], done["stderr"]) == (4, "hello\n", "oops\n")
    overdue = {"command": ["/bin/sleep", "1000"], "timeout": 1}
    assert "within 1 s" in calls.refused(408, "POST", f"/machines/{id}/exec", overdue)
    assert len(calls.ok("GET", f"/machines/{id}/ps")) == 2  # init and the program


def test_a_machine_beyond_its_memory_is_ended_alone(calls: Calls) -> None:
    other = calls.make_machine("sleep 1000")
    guest = {"cpu_kind": "shared", "cpus": 1, "memory_mb": 256}
    id = calls.make_machine("tail /dev/zero", guest=guest, restart={"policy": "no"})
    (end,) = calls.await_events(id, "exit", 1)
    assert event_request(end)["oom_killed"] is True
    assert calls.machine(other)["state"] == "started"


def test_a_full_volume_and_a_full_root_are_their_own_machines_trouble(calls: Calls) -> None:
    full, other = (calls.make_machine("sleep 1000", volume=calls.make_volume(name=name)) for name in ("a", "b"))
    for id in (full, other):
        calls.await_state(id, "started")
    fill = "dd if=/dev/zero of={} bs=1M count=3000 2>&1 | grep -o 'No space left on device' || true"
    assert "No space left" in calls.shell(full, fill.format("/data/fill"))
    assert "No space left" in calls.shell(full, fill.format("/fill"))
    assert calls.shell(other, "echo fine > /data/file && sync && cat /data/file") == "fine\n"


def test_machines_are_reached_from_the_host_and_reach_each_other(calls: Calls) -> None:
    server = calls.make_machine("mkdir -p /srv; echo hello > /srv/index.html; exec httpd -f -p 8080 -h /srv")
    client = calls.make_machine("sleep 1000")
    for id in (server, client):
        calls.await_state(id, "started")
    address = calls.machine(server)["private_ip"]
    ask = f"for i in $(seq 100); do wget -q -O - http://[{address}]:8080/ && exit; sleep 0.1; done; exit 1"
    assert calls.shell(client, ask) == "hello\n"
    assert httpx2.get(f"http://[{address}]:8080/").text == "hello\n"


def test_a_machine_cannot_be_suspended_and_is_told_so(calls: Calls) -> None:
    id = calls.make_machine("sleep 1000")
    calls.await_state(id, "started")
    assert "suspend" in calls.refused(400, "POST", f"/machines/{id}/suspend")
    assert calls.machine(id)["state"] == "started"
