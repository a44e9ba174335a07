"""Error bodies (facts: machines-api 1.5)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caddis.domain import errors
from caddis.domain.errors import Invalid, LeaseHeld, NameTaken, NoCapacity, NotFound, Problem, Refused
from caddis.wire.body import document_to_body
from caddis.wire.problem import problem_from_wire, problem_to_wire

_KINDS = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, Problem)]


@pytest.mark.parametrize("kind", _KINDS)
def test_every_problem_survives_the_way_there_and_back(kind: type[Problem]) -> None:
    status, body = problem_to_wire(kind("it went wrong", hint="try this", field="config.image"))
    again = problem_from_wire(status, document_to_body(body))
    assert type(again) is kind
    assert (again.message, again.hint, again.field) == ("it went wrong", "try this", "config.image")
    assert status == kind.http_status


def test_the_status_is_a_word_or_left_out() -> None:
    assert problem_to_wire(NameTaken("taken"))[1]["status"] == "name_taken"
    assert problem_to_wire(NoCapacity("full"))[1]["status"] == "insufficient_capacity"
    assert "status" not in problem_to_wire(NotFound("no"))[1]


def test_no_status_is_one_that_clients_repeat_a_post_for() -> None:
    assert not {kind.http_status for kind in _KINDS} & {502, 503}


def test_message_wins_over_error() -> None:
    assert problem_from_wire(400, b'{"error": "a", "message": "b"}').message == "b"
    assert problem_from_wire(400, b'{"error": "a", "message": ""}').message == "a"


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (404, b'{"error": "x"}', NotFound),
        (422, b'{"error": "x"}', Invalid),
        (422, b'{"error": "x", "status": "name_taken"}', NameTaken),
        (418, b'{"error": "x"}', Refused),
        (500, b'{"error": "x", "status": 500}', Problem),
        (409, b'{"error": "x", "kind": "LeaseHeld"}', LeaseHeld),
        (404, b'{"error": "x", "kind": "LeaseHeld"}', NotFound),
        (404, b'{"error": "x", "kind": "os.system"}', NotFound),
    ],
)
def test_foreign_bodies_are_understood_by_status(status: int, body: bytes, kind: type[Problem]) -> None:
    assert type(problem_from_wire(status, body)) is kind


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "the server answered 502"),
        (b"<html>\n  Bad gateway</html>", "the server answered 502: <html> Bad gateway</html>"),
        (b"[1]", "the server answered 502: [1]"),
        (b"{}", "the server answered 502"),
        (b'{"error": 5}', "the server answered 502"),
    ],
)
def test_a_body_that_is_not_ours_is_shown(body: bytes, message: str) -> None:
    assert problem_from_wire(502, body).message == message


def test_a_long_body_is_shortened() -> None:
    assert len(problem_from_wire(500, b"x" * 10_000).message) < 400


@given(st.integers(300, 599), st.binary(max_size=40))
def test_no_answer_whatever_is_a_bug(status: int, body: bytes) -> None:
    assert problem_from_wire(status, body).message
