"""A host's steady time: what schedules and expiries go by, because wall clocks jump.

It runs with the computer's uptime and follows the wall clock from behind: never backwards, never by leaps. So a wall
clock that jumps years ahead expires nothing at once, and one that jumps back takes nothing twice. Pure.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

LONGEST_ABSENCE = timedelta(hours=25)  # that is believed of a computer that comes back: a day switched off


@dataclass(frozen=True, slots=True, kw_only=True)
class SteadyClock:
    """`steady` was the time when the computer of this `boot` had been up for `uptime` seconds."""

    steady: datetime
    boot: str
    uptime: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What the computer says now: its wall clock, the id of its boot, its uptime in seconds (suspension included)."""

    wall: datetime
    boot: str
    uptime: float


def start_clock(seen: Seen) -> SteadyClock:
    """A new clock believes what it sees."""
    return SteadyClock(steady=seen.wall.astimezone(UTC), boot=seen.boot, uptime=seen.uptime)


def advance(clock: SteadyClock, seen: Seen) -> SteadyClock:
    """The clock as it is now.

    It moves by the time that has surely passed. While it is behind the wall clock it moves twice as fast; when the
    computer was off, nobody knows for how long, the wall clock is believed for up to 25 hours. Ahead of the wall clock
    it goes on all the same: what was a day is a day.
    """
    passed = timedelta(seconds=max(0.0, seen.uptime - clock.uptime if seen.boot == clock.boot else seen.uptime))
    behind = max(timedelta(0), seen.wall - clock.steady - passed)
    most = passed if seen.boot == clock.boot else max(passed, LONGEST_ABSENCE)
    return SteadyClock(steady=clock.steady + passed + min(behind, most), boot=seen.boot, uptime=seen.uptime)
