"""What clients ask of machines."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wire_strategies import anything

from caddis.domain.errors import Invalid, Problem, Refused
from caddis.domain.machine import MachineState
from caddis.wire.body import document_from_body
from caddis.wire.machine_request import (
    ExecRequest,
    LeaseRequest,
    RestartRequest,
    StopRequest,
    WaitRequest,
    exec_request_from_wire,
    lease_request_from_wire,
    machine_request_from_wire,
    metadata_value_from_wire,
    restart_request_from_query,
    signal_request_from_wire,
    stop_request_from_wire,
    wait_request_from_query,
)


def test_a_create_is_decoded_and_its_config_kept_raw() -> None:
    config = {"image": "debian:12", "unknown": [1]}
    request = machine_request_from_wire(
        {
            "name": "web",
            "region": "lhr",
            "config": config,
            "skip_launch": True,
            "skip_service_registration": True,
            "lease_ttl": 300,
            "current_version": "01J",
            "min_secrets_version": None,
            "lsvd": False,
        }
    )
    assert request.raw_config == config
    assert (request.name, request.region, request.lease_ttl, request.current_version) == ("web", "lhr", 300, "01J")
    assert request.skip_launch
    assert request.skip_service_registration
    assert request.min_secrets_version is None


@pytest.mark.parametrize(
    ("document", "field"),
    [
        ([], None),
        ({}, "config"),
        ({"config": None}, "config"),
        ({"config": "x"}, "config"),
        ({"config": {"image": "a"}, "name": 5}, "name"),
        ({"config": {"image": "a"}, "name": "a\nb"}, "name"),
        ({"config": {"image": "a"}, "skip_launch": "yes"}, "skip_launch"),
        ({"config": {"image": "a"}, "lease_ttl": -1}, "lease_ttl"),
        ({"config": {"image": "a"}, "lease_ttl": "300"}, "lease_ttl"),
    ],
)
def test_a_wrong_create_is_refused_by_field(document: object, field: str | None) -> None:
    with pytest.raises(Invalid) as caught:
        machine_request_from_wire(document)
    assert caught.value.field == field


def test_an_empty_stop_leaves_it_to_the_config() -> None:
    assert stop_request_from_wire({}) == StopRequest()
    assert stop_request_from_wire({"id": "x", "signal": "", "timeout": "0s"}) == StopRequest()


def test_a_stop_may_name_signal_and_timeout() -> None:
    assert stop_request_from_wire({"signal": "SIGTERM", "timeout": "10s"}) == StopRequest(signal="SIGTERM", timeout=10)
    assert stop_request_from_wire({"signal": 15, "timeout": 10**9}) == StopRequest(signal="SIGTERM", timeout=1)


@pytest.mark.parametrize(
    ("document", "field"),
    [({"signal": "SIGFOO"}, "signal"), ({"timeout": "1h"}, "timeout"), ({"timeout": True}, "timeout")],
)
def test_a_wrong_stop_is_refused_by_field(document: dict[str, Any], field: str) -> None:
    with pytest.raises(Invalid) as caught:
        stop_request_from_wire(document)
    assert caught.value.field == field


def test_a_restart_is_asked_in_the_query() -> None:
    query = [("force_stop", "true"), ("timeout", "10s"), ("signal", "SIGTERM")]
    assert restart_request_from_query(query) == RestartRequest(signal="SIGTERM", timeout=10, force_stop=True)
    assert restart_request_from_query([("timeout", "7")]) == RestartRequest(timeout=7)
    assert restart_request_from_query([]) == RestartRequest()


@pytest.mark.parametrize(("value", "number"), [(9, 9), ("SIGKILL", 9), ("kill", 9), ("SIGTERM", 15), (10, 10)])
def test_a_signal_is_a_number_or_a_name(value: object, number: int) -> None:
    assert signal_request_from_wire({"signal": value}).signal == number


@pytest.mark.parametrize("value", [None, 0, 999, "SIGFOO", True, [], "9"])
def test_what_is_no_signal_is_refused(value: object) -> None:
    with pytest.raises(Invalid, match="not a signal") as caught:
        signal_request_from_wire({"signal": value})
    assert caught.value.field == "signal"


def test_a_command_list_wins_over_the_cmd_text() -> None:
    assert exec_request_from_wire({"command": ["a", "b c"], "cmd": "x"}) == ExecRequest(argv=("a", "b c"))
    assert exec_request_from_wire({"cmd": "ls -l 'a b'", "stdin": "é", "timeout": 5}) == ExecRequest(
        argv=("ls", "-l", "a b"), stdin="é".encode(), timeout=5
    )


@pytest.mark.parametrize(
    ("document", "field"),
    [
        ({}, "command"),
        ({"cmd": ""}, "command"),
        ({"command": []}, "command"),
        ({"command": [""]}, "command"),
        ({"command": ["a\0"]}, "command"),
        ({"command": "ls"}, "command"),
        ({"cmd": "echo 'x"}, "cmd"),
        ({"cmd": "ls", "timeout": 601}, "timeout"),
        ({"cmd": "ls", "stdin": 5}, "stdin"),
    ],
)
def test_a_wrong_exec_is_refused_by_field(document: dict[str, Any], field: str) -> None:
    with pytest.raises(Invalid) as caught:
        exec_request_from_wire(document)
    assert caught.value.field == field


def test_a_lease_ttl_stands_in_the_query_or_the_body() -> None:
    assert lease_request_from_wire({}, [("ttl", "13")]) == LeaseRequest(ttl=13)
    assert lease_request_from_wire({"ttl": 30, "description": "deploy"}) == LeaseRequest(ttl=30, description="deploy")
    assert lease_request_from_wire({}) == LeaseRequest(ttl=120)


@pytest.mark.parametrize(
    ("document", "query"), [({"ttl": -1}, []), ({"ttl": 1.5}, []), ({}, [("ttl", "soon")]), ({}, [("ttl", "-5")])]
)
def test_a_wrong_lease_ttl_is_refused(document: dict[str, Any], query: list[tuple[str, str]]) -> None:
    with pytest.raises(Invalid) as caught:
        lease_request_from_wire(document, query)
    assert caught.value.field == "ttl"


def test_metadata_is_written_as_text() -> None:
    assert metadata_value_from_wire({"value": ""}) == ""
    for wrong in ({}, {"value": 5}):
        with pytest.raises(Invalid):
            metadata_value_from_wire(wrong)


def test_a_wait_repeats_its_states_or_lists_them() -> None:
    assert wait_request_from_query([]) == WaitRequest(states=("started",), timeout=60)
    assert wait_request_from_query([("state", "stopped"), ("state", "failed,settled")]).states == (
        "stopped",
        "failed",
        "settled",
    )
    assert wait_request_from_query([("version", "01J"), ("from_event_id", "e")]) == WaitRequest(
        version="01J", from_event_id="e"
    )
    assert wait_request_from_query([("instance_id", "01J")]).version == "01J"


@pytest.mark.parametrize(("given_timeout", "used"), [("0", 1), ("5", 5), ("60", 60), ("999", 60), ("7s", 7), ("", 60)])
def test_a_wait_lasts_1_to_60_seconds(given_timeout: str, used: int) -> None:
    assert wait_request_from_query([("timeout", given_timeout)]).timeout == used


@pytest.mark.parametrize("query", [("state", "happy"), ("timeout", "soon"), ("timeout", "-1")])
def test_a_wait_that_can_never_be_met_is_400(query: tuple[str, str]) -> None:
    with pytest.raises(Refused) as caught:
        wait_request_from_query([query])
    assert caught.value.http_status == 400
    assert "machine failed to reach desired state" not in caught.value.message  # crashes flyctl: facts 4.9


@pytest.mark.parametrize(
    ("states", "state", "met"),
    [
        (("started",), MachineState.STARTED, True),
        (("started",), MachineState.STARTING, False),
        (("stopped",), MachineState.CREATED, True),
        (("settled",), MachineState.FAILED, True),
        (("settled",), MachineState.UPDATING, False),
        (("stopped", "destroyed"), MachineState.DESTROYED, True),
    ],
)
def test_a_wait_is_met_by_its_states(states: tuple[str, ...], state: MachineState, met: bool) -> None:
    assert WaitRequest(states=states).is_met_by(state) is met


@pytest.mark.parametrize("body", [b"{", b"\xff", b'{"a": NaN}', b"[" * 100_000])
def test_a_body_that_is_not_json_is_400(body: bytes) -> None:
    with pytest.raises(Refused, match="not JSON") as caught:
        document_from_body(body)
    assert caught.value.http_status == 400


def test_an_empty_body_is_an_empty_object() -> None:
    assert document_from_body(b"") == document_from_body(b" \n") == {}


@given(anything)
def test_no_body_whatever_is_a_bug(document: object) -> None:
    for decode in (
        machine_request_from_wire,
        stop_request_from_wire,
        signal_request_from_wire,
        exec_request_from_wire,
        lease_request_from_wire,
        metadata_value_from_wire,
    ):
        try:
            decode(document)
        except Problem:
            pass


@given(st.lists(st.tuples(st.sampled_from(["state", "timeout", "ttl", "signal", "force_stop"]), st.text(max_size=8))))
def test_no_query_whatever_is_a_bug(query: list[tuple[str, str]]) -> None:
    for decode in (wait_request_from_query, restart_request_from_query):
        try:
            decode(query)
        except Problem:
            pass
