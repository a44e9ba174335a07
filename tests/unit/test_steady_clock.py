"""A clock that jumps expires nothing at once, and takes nothing twice."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from caddis.domain.clock import LONGEST_ABSENCE, Seen, SteadyClock, advance, start_clock

START = datetime(2026, 11, 25, tzinfo=UTC)
HOUR = timedelta(hours=1)
JUMPS = st.timedeltas(min_value=timedelta(days=-3650), max_value=timedelta(days=3650))


def seen(wall: datetime, uptime: float, boot: str = "a") -> Seen:
    return Seen(wall=wall, boot=boot, uptime=uptime)


@given(st.lists(st.tuples(st.floats(0, 7200), JUMPS), max_size=20))
def test_it_moves_with_uptime_and_never_more_than_twice_as_fast(steps: list[tuple[float, timedelta]]) -> None:
    uptime, clock = 0.0, start_clock(seen(START, 0.0))
    for passed, off in steps:
        uptime += passed
        later = advance(clock, seen(START + timedelta(seconds=uptime) + off, uptime))
        moved = (later.steady - clock.steady).total_seconds()
        assert passed - 1e-5 <= moved <= 2 * passed + 1e-5
        clock = later


@given(st.floats(0, 1e6), JUMPS)
def test_a_reboot_is_believed_for_a_day_and_no_more(uptime: float, off: timedelta) -> None:
    clock = SteadyClock(steady=START, boot="a", uptime=5000.0)
    later = advance(clock, seen(START + off, uptime, "b"))
    passed = timedelta(seconds=uptime)
    assert START + passed <= later.steady <= START + passed + max(passed, LONGEST_ABSENCE)
    assert later.boot == "b"


def test_it_catches_up_with_a_wall_clock_that_was_right() -> None:
    clock = SteadyClock(steady=START, boot="a", uptime=0.0)
    wall = START + 10 * HOUR
    for hour in range(1, 11):
        clock = advance(clock, seen(wall + hour * HOUR, hour * 3600.0))
    assert clock.steady == wall + 10 * HOUR


def test_ahead_of_the_wall_clock_a_day_is_still_a_day() -> None:
    clock = SteadyClock(steady=START, boot="a", uptime=0.0)
    assert advance(clock, seen(START - timedelta(days=400), 3600.0)).steady == START + HOUR


def test_an_uptime_that_went_backwards_moves_nothing_backwards() -> None:
    clock = SteadyClock(steady=START, boot="a", uptime=100.0)
    assert advance(clock, seen(START, 50.0)).steady == START
