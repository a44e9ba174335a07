"""What people see of checks: `fly checks list`, `fly status`, `fly machine list` and `fly machine status`."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from caddis.wire.time import time_to_wire

if TYPE_CHECKING:
    from fakes.fly_command import Fly

pytest_plugins = ("fakes.fly_command",)
pytestmark = pytest.mark.host

CONFIG = {
    "image": "web:1",
    "guest": {"cpu_kind": "shared", "cpus": 1, "memory_mb": 256},
    "metadata": {"fly_platform_version": "v2", "fly_process_group": "app", "fly_release_version": "3"},
    "restart": {"policy": "on-failure", "max_retries": 3},
    "init": {"cmd": ["serve", "--fast"]},
}
UP = "servicecheck-00-http-8080"


@pytest.fixture
def machine(fly: Fly) -> str:
    """One that fails one of its two checks since a minute."""
    fly.api.add_app("myapp", status="deployed")
    id = fly.api.add_machine("myapp", CONFIG)
    then = time_to_wire(datetime.now(UTC) - timedelta(seconds=61))
    fly.api.machines[id]["checks"] = [
        {"name": UP, "status": "passing", "output": "GET /: 200 OK", "updated_at": then},
        {"name": "disk", "status": "critical", "output": "/data: 99%\nclean up", "updated_at": then},
    ]
    return id


def test_checks_are_listed_with_a_line_under_the_header_and_all_lines_of_their_output(fly: Fly, machine: str) -> None:
    lines = fly("checks", "list", "-a", "myapp").out.splitlines()
    pad = " " * len(UP)
    assert lines == [
        "Health Checks for myapp",
        f" {'NAME':25} │ STATUS   │ {'MACHINE':14} │ LAST UPDATED │ OUTPUT        ",
        f"{'─' * 27}┼{'─' * 10}┼{'─' * 16}┼{'─' * 14}┼{'─' * 15}",
        f" {'disk':25} │ critical │ {machine} │ 1 minute ago │ /data: 99%    ",
        f" {pad} │ {'':8} │ {'':14} │ {'':12} │ clean up      ",
        f" {UP} │ passing  │ {machine} │ 1 minute ago │ GET /: 200 OK ",
        "",
    ]


def test_checks_of_one_name_and_as_json(fly: Fly, machine: str) -> None:
    other = fly.api.add_machine("myapp", CONFIG)
    assert "disk" not in fly("checks", "list", "-a", "myapp", "--check-name", UP).out
    found = json.loads(fly("checks", "list", "-a", "myapp", "-j").out)
    assert [check["name"] for check in found[machine]] == ["disk", UP]
    assert found[other] == []
    found = json.loads(fly("checks", "list", "-a", "myapp", "-j", "--check-name=disk").out)
    assert [check["status"] for check in found[machine]] == ["critical"]


def test_checks_of_an_app_that_is_not_there_are_refused(fly: Fly) -> None:
    said = fly("checks", "list", "-a", "absent")
    assert (said.code, said.out) == (1, "")
    assert fly("checks", "list").code == 1


def test_status_counts_checks_and_explains_its_marks(fly: Fly, machine: str) -> None:
    plain = fly("status", "-a", "myapp").out
    assert "2 total, 1 passing, 1 critical" in plain and "Notes" not in plain
    standby = fly.api.add_machine("myapp", {**CONFIG, "standbys": [machine]}, state="stopped")
    fly.api.machines[machine]["host_status"] = "unreachable"
    out = fly("status", "-a", "myapp").out
    assert f" app†    │ {standby} " in out and f"{machine}💀" in out
    notes = out[out.index("Notes:") :]
    assert "†  A standby machine" in notes and "💀 The machine's host does not answer" in notes


def test_status_as_json_has_the_managed_machines_only(fly: Fly, machine: str) -> None:
    fly.api.add_machine("myapp", {"image": "other:1"})
    status = json.loads(fly("status", "-a", "myapp", "--json").out)
    assert list(status) == [
        "ID",
        "Name",
        "Deployed",
        "Status",
        "Hostname",
        "Version",
        "AppURL",
        "Organization",
        "PlatformVersion",
        "Machines",
    ]
    assert [one["id"] for one in status["Machines"]] == [machine]
    assert (status["Deployed"], status["Status"], status["Version"]) == (True, "deployed", 3)
    assert "fly machine list -a myapp" in fly("status", "-a", "myapp").out


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--watch", "--json"), "--watch and --json are not supported together"),
        (("--watch",), "--watch is not supported for non-interactive sessions"),
    ],
)
def test_watching_is_refused_where_nobody_watches(
    fly: Fly, machine: str, words: tuple[str, ...], sentence: str
) -> None:
    said = fly("status", "-a", "myapp", *words)
    assert (said.code, said.out) == (1, "") and sentence in said.err


def test_watching_shows_the_status_again_until_ctrl_c(fly: Fly, machine: str) -> None:
    talk = fly.talk("status", "-a", "myapp", "--watch", "--rate", "1")
    talk.expect("1 critical")
    fly.api.machines[machine]["checks"].pop()
    talk.expect("1 total, 1 passing")
    talk.answer("\x03")
    assert talk.end() == 127
    refused = fly.talk("status", "-a", "myapp", "--watch", "--rate", "0")
    refused.expect("--rate must be in the [1, 3600] range")
    assert refused.end() == 1


def test_machine_list_counts_what_passes(fly: Fly, machine: str) -> None:
    assert " │ started │ 1/2    │ lhr " in fly("machine", "list", "-a", "myapp").out


def test_machine_status_has_checks_a_restart_policy_and_why_it_ended(fly: Fly, machine: str) -> None:
    ended = {"exit_event": {"exit_code": 3, "requested_stop": False, "restarting": True}, "restart_count": 2}
    event = {"source": "flyd", "timestamp": 1000}
    fly.api.machines[machine]["events"] = [
        {"id": "2", "type": "start", "status": "failed", "request": {"reason": "no such program"}, **event},
        {"id": "1", "type": "exit", "status": "stopped", "request": ended, **event},
    ]
    out = fly("machine", "status", machine, "-a", "myapp").out
    for line in (
        "Checks\n NAME                      │ STATUS   │ LAST UPDATED │ OUTPUT        \n",
        f" {UP} │ passing  │ 1 minute ago │ GET /: 200 OK \n",
        " Restart Policy │ on-failure, 3 retries       \n",
        " CPU Kind       │ shared",
        " Command        │ serve --fast",
        "exit_code=3,oom_killed=false,requested_stop=false,restart_count=2",
        "│ no such program",
    ):
        assert line in out
