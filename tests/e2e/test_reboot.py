"""Power goes and comes back: what was to run runs again with its volume, what was stopped stays stopped."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from real_calls import Calls, event_request
from real_machines import wait_until
from real_reboot import lose_power
from real_up import left_behind, running

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def calls() -> Iterator[Calls]:
    with running(hosts=1, pool_size="8G") as up:
        calls = Calls(up, "rebooted")
        yield calls
        calls.close()
    assert left_behind(up.data) == []


def test_what_ran_when_the_power_went_runs_again_and_nothing_else(calls: Calls) -> None:
    volume = calls.make_volume()
    ran = calls.make_machine("sleep 1000", volume=volume, checks={"true": {"type": "script", "command": ["true"]}})
    once = calls.make_machine("sleep 1000", restart={"policy": "no"})
    stopped, done = calls.make_machine("sleep 1000"), calls.make_machine("exit 0")
    for id in (ran, once, stopped):
        calls.await_state(id, "started")
    calls.shell(ran, "echo kept > /data/file; sync; echo lost > /file")
    calls.ok("POST", f"/machines/{stopped}/stop", {"signal": "SIGKILL"})
    for id in (stopped, done):
        calls.await_state(id, "stopped")
    lose_power(calls.up)
    with calls.up.up():
        for id in (ran, once):
            calls.await_state(id, "started")
            (end,) = calls.await_events(id, "exit", 1)
            assert end["request"]["reason"] == "its host went down" and event_request(end)["restarting"]
        assert calls.shell(ran, "cat /data/file; test -e /file || echo gone") == "kept\ngone\n"
        assert [calls.machine(id)["state"] for id in (stopped, done)] == ["stopped", "stopped"]
        assert [len(calls.await_events(id, "exit", 1)) for id in (stopped, done)] == [1, 1]
        for id in (ran, once, stopped, done):
            calls.ok("DELETE", f"/machines/{id}?force=true")


def test_a_start_that_the_power_cut_short_is_made_again(calls: Calls) -> None:
    lose_power(calls.up)
    doomed = replace(calls.up, environment={**calls.up.environment, "CADDIS_DIE_AT": "machine.launch/1/network:before"})
    with doomed.up():
        id = calls.make_machine("sleep 1000", volume=calls.make_volume(name="more"))
        wait_until(lambda: calls.ask("GET", f"/machines/{id}").json().get("host_status") != "ok", "its agent died")
        lose_power(calls.up)
    with calls.up.up():
        calls.await_state(id, "started")
        (failed,) = [event for event in calls.await_events(id, "start", 3) if event["status"] == "failed"]
        assert "its host went down during the start" in failed["request"]["reason"]
