"""A check's life: a few as sentences, then thousands by hypothesis."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caddis.domain.check import (
    EAGER_INTERVAL,
    EAGER_PERIOD,
    MAX_OUTPUT,
    REFRESH,
    REFRESH_FAILING,
    Check,
    CheckState,
    CheckStatus,
    CheckType,
    Finding,
    begin_checks,
    decide_check,
    is_worth_telling,
    pause_after,
)

NOW = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
PASSING, WARNING, CRITICAL = CheckStatus.PASSING, CheckStatus.WARNING, CheckStatus.CRITICAL


def check(**changes: float) -> Check:
    return Check(name="up", type=CheckType.TCP, port=80, **changes)  # type: ignore[arg-type]


def lived(one: Check, *looks: tuple[float, CheckStatus]) -> CheckState:
    """The state after looks at these seconds."""
    (state,) = begin_checks((one,), NOW)
    for seconds, status in looks:
        finding = Finding(status, f"at {seconds:g}", NOW + timedelta(seconds=seconds))
        state = decide_check(one, state, finding, started_at=NOW)
    return state


def test_a_check_that_nobody_has_looked_at_is_a_warning() -> None:
    state = lived(check())
    assert (state.status, state.output, state.updated_at) == (WARNING, "waiting for the first result", NOW)


def test_a_failure_in_the_grace_period_is_a_warning_and_after_it_critical() -> None:
    one = check(grace_period=10)
    assert lived(one, (1, CRITICAL), (9, CRITICAL)).status is WARNING
    assert lived(one, (1, CRITICAL), (10, CRITICAL)).status is CRITICAL


def test_what_has_passed_once_has_no_grace_left() -> None:
    assert lived(check(grace_period=60), (1, PASSING), (2, CRITICAL)).status is CRITICAL


def test_without_a_grace_period_the_first_failure_counts() -> None:
    assert lived(check(grace_period=0), (0, CRITICAL)).status is CRITICAL


def test_a_status_says_since_when_and_the_output_is_always_the_latest() -> None:
    state = lived(check(), (1, PASSING), (2, PASSING), (3, PASSING))
    assert (state.updated_at, state.output) == (NOW + timedelta(seconds=1), "at 3")


def test_a_long_output_is_cut_and_says_so() -> None:
    (state,) = begin_checks((check(),), NOW)
    after = decide_check(check(), state, Finding(PASSING, "x" * 10_000, NOW), started_at=NOW)
    assert len(after.output) == MAX_OUTPUT and after.output.endswith("…")


def test_an_output_cannot_command_a_terminal() -> None:
    (state,) = begin_checks((check(),), NOW)
    after = decide_check(check(), state, Finding(PASSING, "\x1b[2Jone\ttwo\r\nthree\x9b\0\n", NOW), started_at=NOW)
    assert after.output == "[2Jone two \nthree"


@pytest.mark.parametrize(
    ("looks", "age", "pause"),
    [
        ((), 0, EAGER_INTERVAL),
        (((1, CRITICAL),), 59, EAGER_INTERVAL),
        (((1, CRITICAL),), 60, 15.0),
        (((1, PASSING),), 2, 15.0),
        (((1, PASSING), (2, CRITICAL)), 3, 15.0),
    ],
)
def test_until_it_passes_a_new_machine_is_looked_at_every_second_for_a_minute(
    looks: tuple[tuple[float, CheckStatus], ...], age: float, pause: float
) -> None:
    assert pause_after(check(), lived(check(), *looks), age=timedelta(seconds=age)) == pause


def test_a_long_grace_period_makes_the_minute_longer() -> None:
    one = check(grace_period=600)
    assert pause_after(one, lived(one), age=EAGER_PERIOD * 2) == EAGER_INTERVAL


def test_an_output_alone_is_told_now_and_then_and_a_status_at_once() -> None:
    moment = timedelta(seconds=1)
    passing, changed = lived(check(), (1, PASSING)), lived(check(), (1, PASSING), (2, PASSING))
    failing, worse = (lived(check(grace_period=0), *looks) for looks in (((1, CRITICAL),), ((2, CRITICAL),)))
    assert is_worth_telling(passing, failing, since=moment)
    assert is_worth_telling(lived(check()), lived(check(), (0, CRITICAL)), since=timedelta(0)), (
        "the first result is news"
    )
    assert not is_worth_telling(passing, passing, since=REFRESH)
    assert not is_worth_telling(passing, changed, since=REFRESH - moment)
    assert is_worth_telling(passing, changed, since=REFRESH)
    assert not is_worth_telling(failing, worse, since=REFRESH_FAILING - moment)
    assert is_worth_telling(failing, worse, since=REFRESH_FAILING)


@given(
    st.lists(st.tuples(st.floats(0, 3), st.sampled_from(CheckStatus)), max_size=30),
    st.floats(0, 30),
    st.floats(1, 60),
)
def test_every_life_keeps_its_rules(pauses: list[tuple[float, CheckStatus]], grace: float, interval: float) -> None:
    one = check(grace_period=grace, interval=interval)
    (state,) = begin_checks((one,), NOW)
    at, passed = NOW, False
    for pause, status in pauses:
        at += timedelta(seconds=pause)
        before, state = state, decide_check(one, state, Finding(status, "seen", at), started_at=NOW)
        passed = passed or status is PASSING
        assert state.has_passed == passed
        assert (state.status is PASSING) == (status is PASSING), "a look that passes counts at once, and no other does"
        in_grace = at - NOW < timedelta(seconds=grace)
        assert (state.status is CRITICAL) == (status is CRITICAL and (passed or not in_grace))
        assert (state.updated_at == at) or state.status is before.status
        assert state.updated_at <= at
        assert min(EAGER_INTERVAL, interval) <= pause_after(one, state, age=at - NOW) <= interval
