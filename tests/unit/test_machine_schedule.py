"""When a machine with a schedule is started again."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caddis.domain.machine import ExitStatus, Machine, MachineConfig, MachineState
from caddis.domain.machine_schedule import PERIODS, is_turn, last_turn

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
HOUR, SECOND = timedelta(hours=1), timedelta(seconds=1)
ID = "0123456789abcd"
TURN = last_turn(ID, HOUR, NOW)
MACHINE = Machine(
    id=ID,
    app="web",
    name="one",
    region="lhr",
    state=MachineState.STOPPED,
    instance_id="01",
    config=MachineConfig(image="tiny", schedule="hourly"),
    raw_config={},
    created_at=TURN - 9 * HOUR,
    updated_at=TURN - 9 * HOUR,
)


def ended(at: datetime) -> Machine:
    return replace(MACHINE, exit=ExitStatus(code=0, at=at))


def test_every_turn_starts_it_once() -> None:
    assert is_turn(ended(TURN - SECOND), NOW)
    assert not is_turn(ended(TURN + SECOND), NOW)  # it ran in this turn
    assert is_turn(ended(TURN + SECOND), TURN + HOUR)
    assert is_turn(MACHINE, NOW)  # it never ran
    assert not is_turn(replace(MACHINE, created_at=TURN + SECOND), NOW)


@pytest.mark.parametrize("mark", ["ran", "rested"])
def test_one_whose_app_is_suspended_is_not_started(mark: str) -> None:
    config = replace(MACHINE.config, metadata={"caddis_suspended": mark})
    assert not is_turn(replace(ended(TURN - HOUR), config=config), NOW)


@pytest.mark.parametrize("state", sorted(set(MachineState) - {"created", "stopped", "failed"}))
def test_only_one_that_rests_is_started(state: MachineState) -> None:
    assert not is_turn(replace(ended(TURN - HOUR), state=state), NOW)


def test_one_that_could_not_be_started_waits_for_its_next_turn() -> None:
    failed = replace(ended(TURN - HOUR), state=MachineState.FAILED, updated_at=TURN + SECOND)
    assert not is_turn(failed, NOW)
    assert is_turn(failed, TURN + HOUR)


def test_one_without_a_schedule_is_left_alone() -> None:
    assert not is_turn(replace(ended(TURN - HOUR), config=MachineConfig(image="tiny")), NOW)


@given(st.sampled_from(sorted(PERIODS)), st.integers(0, 10**9), st.text("0123456789abcdef", min_size=14, max_size=14))
def test_turns_come_one_period_apart(name: str, seconds: int, id: str) -> None:
    period = PERIODS[name]
    now = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
    turn = last_turn(id, period, now)
    assert turn <= now < turn + period
    assert last_turn(id, period, turn + period) == turn + period
