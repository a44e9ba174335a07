"""Checks in a config document, and in what is told of a machine (facts: machines-api 4.5.4)."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from wire_strategies import machines

from caddis.domain.check import Check, CheckState, CheckStatus, CheckType, HttpLook, begin_checks
from caddis.domain.errors import Invalid
from caddis.domain.machine import Machine, MachineState
from caddis.wire.machine import machine_to_wire
from caddis.wire.machine_config import config_from_wire
from caddis.wire.time import time_from_wire

NOW = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)


def decode(**fields: Any) -> tuple[Check, ...]:
    return config_from_wire({"image": "debian:12", **fields}).checks


def test_what_a_check_leaves_out_has_defaults() -> None:
    assert decode(checks={"up": {"type": "tcp", "port": 80}}) == (
        Check(name="up", type=CheckType.TCP, port=80, interval=15.0, timeout=5.0, grace_period=5.0),
    )


def test_everything_that_an_http_check_can_say_is_understood() -> None:
    document = {
        "type": "http",
        "kind": "readiness",
        "port": 8443,
        "interval": "30s",
        "timeout": 2_000_000_000,
        "grace_period": "1m",
        "method": "head",
        "path": "/up?deep=1",
        "protocol": "https",
        "tls_skip_verify": True,
        "tls_server_name": "app.example",
        "headers": [{"name": "X-Forwarded-Proto", "values": ["https"]}, {"name": "A", "values": ["1", "2"]}],
    }
    look = HttpLook(
        method="HEAD",
        path="/up?deep=1",
        protocol="https",
        headers=(("X-Forwarded-Proto", "https"), ("A", "1"), ("A", "2")),
        skip_verify=True,
        server_name="app.example",
    )
    wanted = Check(name="up", type=CheckType.HTTP, port=8443, http=look, interval=30.0, timeout=2.0, grace_period=60.0)
    assert decode(checks={"up": document}) == (wanted,)


def test_checks_of_services_are_numbered_and_take_the_services_port() -> None:
    services = [
        {"protocol": "tcp", "internal_port": 8080, "checks": [{"type": "tcp"}, {"type": "http", "path": "/up"}]},
        {"protocol": "tcp", "internal_port": 5432, "checks": [{"type": "tcp", "port": 5433}]},
        {"protocol": "tcp", "internal_port": 9000},
    ]
    names = ["mine", "servicecheck-00-tcp-8080", "servicecheck-01-http-8080", "servicecheck-02-tcp-5433"]
    checks = decode(services=services, checks={"mine": {"type": "script", "command": ["true"]}})
    assert [check.name for check in checks] == names
    assert [check.port for check in checks] == [0, 8080, 8080, 5433]


def test_what_is_too_short_is_raised_to_a_second() -> None:
    (one,) = decode(
        checks={"up": {"type": "tcp", "port": 80, "interval": "1ms", "timeout": "0s", "grace_period": "0s"}}
    )
    assert (one.interval, one.timeout, one.grace_period) == (1.0, 1.0, 0.0)


HTTP = {"type": "http", "port": 80}


@pytest.mark.parametrize(
    ("check", "field", "sentence"),
    [
        ({"type": "tcp"}, "port", "give the port to check"),
        ({"type": "script"}, "command", "give the program to run"),
        ({"type": "script", "command": ["a\0b"]}, "command", "NUL"),
        ({"type": "script", "command": "true"}, "command", "must be a list"),
        ({**HTTP, "kind": "liveness"}, "kind", "use one of informational, readiness"),
        ({**HTTP, "method": "GET /"}, "method", "no HTTP method"),
        ({**HTTP, "path": "up"}, "path", "must begin with /"),
        ({**HTTP, "path": "/a b"}, "path", "no spaces"),
        ({**HTTP, "path": "/a\r\nHost: b"}, "path", "must begin with /"),
        ({**HTTP, "protocol": "gopher"}, "protocol", "use one of http, https"),
        ({**HTTP, "headers": [{"name": "A B", "values": ["1"]}]}, "headers[0]", "cannot be an HTTP header"),
        ({**HTTP, "headers": [{"name": "A", "values": ["1\n2"]}]}, "headers[0]", "cannot be an HTTP header"),
        ({**HTTP, "tls_server_name": ".."}, "tls_server_name", "no host name"),
        ({**HTTP, "interval": "2h"}, "interval", "from 0s to 3600s"),
    ],
)
def test_what_could_never_be_checked_is_refused_by_field(check: dict[str, Any], field: str, sentence: str) -> None:
    with pytest.raises(Invalid, match=sentence) as caught:
        decode(checks={"up": check})
    assert caught.value.field == f"config.checks.up.{field}"


def test_a_script_is_not_a_check_of_a_service() -> None:
    with pytest.raises(Invalid, match="use one of tcp, http"):
        decode(services=[{"protocol": "tcp", "internal_port": 80, "checks": [{"type": "script", "command": ["true"]}]}])


def test_a_machine_has_at_most_50_checks() -> None:
    with pytest.raises(Invalid, match="at most 50 checks"):
        decode(checks={f"c{number}": {"type": "tcp", "port": 80} for number in range(51)})


@given(machines())
def test_a_machine_tells_of_its_checks_what_it_knows_while_it_runs_and_else_that_it_does_not(machine: Machine) -> None:
    checks = decode(checks={"up": {"type": "tcp", "port": 80}, "disk": {"type": "script", "command": ["df"]}})
    machine = replace(machine, config=replace(machine.config, checks=checks), checks=begin_checks(checks, NOW))
    told = machine_to_wire(machine, events=(), volume=None)["checks"]
    assert [check["name"] for check in told] == ["up", "disk"]
    assert {check["status"] for check in told} == {"warning"}
    if machine.state is not MachineState.STARTED:
        assert {check["output"] for check in told} == {f"the machine is {machine.state}"}
        assert time_from_wire(told[0]["updated_at"]) == machine.updated_at


def test_a_state_is_told_in_the_four_words_that_clients_know() -> None:
    state = CheckState(name="up", status=CheckStatus.CRITICAL, output="gone", updated_at=NOW, has_passed=True)
    machine = Machine(
        id="0" * 14,
        app="demo",
        name="m",
        region="lhr",
        state=MachineState.STARTED,
        instance_id="01",
        config=config_from_wire({"image": "debian:12"}),
        raw_config={},
        created_at=NOW,
        updated_at=NOW,
        checks=(state,),
    )
    assert machine_to_wire(machine, events=(), volume=None)["checks"] == [
        {"name": "up", "status": "critical", "output": "gone", "updated_at": "2026-11-25T12:00:00.000000Z"}
    ]
