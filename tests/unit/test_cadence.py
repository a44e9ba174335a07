"""Machines with a schedule: when they are started, and when not."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caddis.domain.cadence import PERIODS, find_slot
from caddis.domain.life import Launch, ScheduleDue, decide
from caddis.domain.machine import Machine, MachineConfig, MachineState

NOW = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


def machine(schedule: str = "hourly", state: MachineState = MachineState.STOPPED, **changes: object) -> Machine:
    base = Machine(
        id="0123456789abcd",
        app="web",
        name="m",
        region="lhr",
        state=state,
        instance_id="01",
        config=MachineConfig(image="tiny", schedule=schedule),
        raw_config={},
        created_at=NOW,
        updated_at=NOW,
    )
    return replace(base, **changes)  # type: ignore[arg-type]


def test_a_machine_without_a_schedule_has_no_slots() -> None:
    assert find_slot(machine(""), NOW) is None


def test_the_first_slot_is_when_it_is_first_seen_and_starts_nothing() -> None:
    assert find_slot(machine(), NOW) == NOW
    noted, instructions = decide(machine(), ScheduleDue(NOW))
    assert (noted.scheduled_at, noted.state, instructions) == (NOW, MachineState.STOPPED, ())


@pytest.mark.parametrize("schedule", PERIODS)
def test_it_is_started_a_period_later(schedule: str) -> None:
    noted, period = machine(schedule, scheduled_at=NOW), PERIODS[schedule]
    assert find_slot(noted, NOW + period - timedelta(seconds=1)) is None
    assert find_slot(noted, NOW + period) == NOW + period
    starting, instructions = decide(noted, ScheduleDue(NOW + period))
    assert (starting.state, instructions) == (MachineState.STARTING, (Launch(),))


@pytest.mark.parametrize("state", [MachineState.STARTED, MachineState.STOPPING, MachineState.RESTARTING])
def test_one_that_runs_is_left_alone_until_the_next_slot(state: MachineState) -> None:
    after, instructions = decide(machine(state=state, scheduled_at=NOW), ScheduleDue(NOW + HOUR))
    assert (after.state, after.scheduled_at, instructions) == (state, NOW + HOUR, ())


@given(st.lists(st.integers(1, 60 * 60 * 100), max_size=30))
def test_looks_however_late_never_shift_the_slots_nor_start_twice_in_a_period(pauses: list[int]) -> None:
    now, one = NOW, decide(machine(), ScheduleDue(NOW))[0]
    starts = []
    for seconds in pauses:
        now += timedelta(seconds=seconds)
        slot = find_slot(one, now)
        if slot is None:
            continue
        assert slot <= now < slot + HOUR and (slot - NOW) % HOUR == timedelta(0)
        starts.append(slot)
        one = replace(decide(one, ScheduleDue(slot))[0], state=MachineState.STOPPED)
        assert find_slot(one, now) is None
    assert len(starts) == len(set(starts))
