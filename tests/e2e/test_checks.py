"""Checks on a real installation: the agent looks, and the API, `fly checks list` and `fly status` say what it found."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from real_calls import Calls
from real_machines import wait_until
from real_up import left_behind, running

pytestmark = pytest.mark.e2e

AGENT = "caddis.agent"
HTTPD = "mkdir -p /srv; echo fine > /srv/up; exec httpd -f -p 8080 -h /srv"
MANAGED = {"fly_platform_version": "v2", "fly_process_group": "app"}
ONCE_A_SECOND = {"interval": "1s", "timeout": "2s", "grace_period": "0s"}


@pytest.fixture(scope="module")
def calls() -> Iterator[Calls]:
    with running(hosts=1, pool_size="6G") as up:
        calls = Calls(up, "checked")
        yield calls
        calls.close()
    assert left_behind(up.data) == []


def check_of(calls: Calls, id: str, name: str) -> dict[str, Any]:
    found: list[dict[str, Any]] = calls.machine(id)["checks"]
    (one,) = [check for check in found if check["name"] == name]
    return one


def await_status(calls: Calls, id: str, name: str, status: str) -> dict[str, Any]:
    wait_until(lambda: check_of(calls, id, name)["status"] == status, f"check {name} is {status}", deadline=30)
    return check_of(calls, id, name)


@pytest.fixture(scope="module")
def machine(calls: Calls) -> str:
    return calls.make_machine(
        HTTPD,
        metadata=MANAGED,
        services=[{"protocol": "tcp", "internal_port": 8080, "checks": [{"type": "tcp", **ONCE_A_SECOND}]}],
        checks={
            "up": {"type": "http", "port": 8080, "path": "/up", **ONCE_A_SECOND},
            "disk": {"type": "script", "command": ["/bin/sh", "-c", "cat /srv/disk || exit 1"], "interval": "1s"},
        },
    )


def test_checks_pass_once_the_program_answers(calls: Calls, machine: str) -> None:
    up = await_status(calls, machine, "up", "passing")
    assert up["output"] == "GET /up: 200 OK: fine"
    assert "connected to" in await_status(calls, machine, "servicecheck-00-tcp-8080", "passing")["output"]
    wait_until(lambda: "No such file" in check_of(calls, machine, "disk")["output"], "the script has run", deadline=30)
    assert check_of(calls, machine, "disk")["status"] == "warning"
    calls.shell(machine, "echo 3 GB left > /srv/disk")
    assert await_status(calls, machine, "disk", "passing")["output"] == "3 GB left"


def test_a_machine_that_breaks_is_seen_to_be_critical_everywhere(calls: Calls, machine: str, tmp_path: Path) -> None:
    await_status(calls, machine, "up", "passing")
    calls.shell(machine, "mv /srv/up /srv/down")
    critical = await_status(calls, machine, "up", "critical")
    assert critical["output"].startswith("GET /up: 404 Not Found")

    def listed() -> Any:
        found = json.loads(calls.up.fly("checks", "list", "-a", calls.app, "-j", folder=tmp_path))
        return critical in found[machine]

    wait_until(listed, "the index knows it")
    table = calls.up.fly("checks", "list", "-a", calls.app, "--check-name", "up", folder=tmp_path)
    assert f" up   │ critical │ {machine} │" in table and "404 Not Found" in table
    status = calls.up.fly("status", "-a", calls.app, folder=tmp_path)
    assert "3 total" in status and "1 critical" in status
    assert "404 Not Found" in calls.up.fly("machine", "status", machine, "-a", calls.app, folder=tmp_path)
    assert calls.machine(machine)["state"] == "started", "a failing check restarts nothing"


def test_an_agent_that_was_killed_goes_on_where_it_was(calls: Calls, machine: str) -> None:
    calls.shell(machine, "test -e /srv/up && mv /srv/up /srv/down; true")
    before = await_status(calls, machine, "up", "critical")
    calls.kill(AGENT)
    assert check_of(calls, machine, "up") == before
    calls.shell(machine, "mv /srv/down /srv/up")
    after = await_status(calls, machine, "up", "passing")
    assert after["updated_at"] > before["updated_at"]


def test_a_program_that_listens_on_127_0_0_1_only_is_told_so(calls: Calls) -> None:
    patient = {**ONCE_A_SECOND, "grace_period": "2s"}  # long enough for it to listen
    checks = {"local": {"type": "tcp", "port": 9000, **patient}, "none": {"type": "tcp", "port": 9001, **patient}}
    id = calls.make_machine("exec httpd -f -p 127.0.0.1:9000", checks=checks)
    refused = await_status(calls, id, "local", "critical")["output"]
    assert refused == "connection refused: the program listens on 127.0.0.1:9000 only, let it listen on 0.0.0.0:9000"
    assert "nothing listens on port 9001" in await_status(calls, id, "none", "critical")["output"]


def test_checks_end_with_their_machine_and_begin_anew_with_it(calls: Calls, machine: str) -> None:
    calls.ok("POST", f"/machines/{machine}/stop", {"signal": "SIGKILL"})
    calls.await_state(machine, "stopped")
    assert check_of(calls, machine, "up")["output"] == "the machine is stopped"
    calls.ok("POST", f"/machines/{machine}/start")
    assert await_status(calls, machine, "up", "passing")["output"] == "GET /up: 200 OK: fine"


def test_why_a_machine_ended_and_how_it_is_restarted_is_told(calls: Calls, tmp_path: Path) -> None:
    id = calls.make_machine("exit 3", restart={"policy": "on-failure", "max_retries": 2})
    calls.await_events(id, "exit", 3)
    calls.await_state(id, "stopped")
    out = calls.up.fly("machine", "status", id, "-a", calls.app, folder=tmp_path)
    assert " Restart Policy │ on-failure, 2 retries " in out
    for number in (1, 2):
        assert f"exit_code=3,oom_killed=false,requested_stop=false,restart_count={number} " in out
