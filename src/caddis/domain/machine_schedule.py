"""When a machine with a schedule is to be started again. Pure; times are a host's steady time (domain/clock.py)."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta

from caddis.domain.app import SUSPENDED_MARK
from caddis.domain.machine import Machine, MachineState

PERIODS = {
    "hourly": timedelta(hours=1),
    "daily": timedelta(days=1),
    "weekly": timedelta(days=7),
    "monthly": timedelta(days=30),
}
_RESTING = frozenset({MachineState.CREATED, MachineState.STOPPED, MachineState.FAILED})
_EPOCH = datetime(2020, 1, 1, tzinfo=UTC)


def last_turn(machine_id: str, period: timedelta, now: datetime) -> datetime:
    """The machine's latest turn, at or before `now`; ids spread the machines of a host over the period."""
    share = int.from_bytes(hashlib.sha256(machine_id.encode()).digest()[:4], "big") / 2**32
    first = _EPOCH + share * period
    return first + (now - first) // period * period


def is_turn(machine: Machine, now: datetime) -> bool:
    """Whether it rests, and a turn has come since it last ran, or was made, or could not be started.

    Never while its app is suspended.
    """
    period = PERIODS.get(machine.config.schedule)
    if period is None or machine.state not in _RESTING or SUSPENDED_MARK in machine.config.metadata:
        return False
    since = machine.exit.at if machine.exit else machine.created_at
    if machine.state is MachineState.FAILED:
        since = max(since, machine.updated_at)
    return last_turn(machine.id, period, now) > since
