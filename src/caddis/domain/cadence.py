"""Machines that are started at intervals (`schedule` in their config). Pure; times are a host's steady time."""

from __future__ import annotations

from datetime import datetime, timedelta

from caddis.domain.machine import Machine

PERIODS = {
    "hourly": timedelta(hours=1),
    "daily": timedelta(days=1),
    "weekly": timedelta(days=7),
    "monthly": timedelta(days=30),
}


def find_slot(machine: Machine, now: datetime) -> datetime | None:
    """The slot that has come since the last one, None if none has. A machine's first slot is when it is first seen.

    Slots lie whole periods apart, so that a late look makes no later one later; of several that passed while the
    computer was off, only the last one counts.
    """
    period = PERIODS.get(machine.config.schedule)
    if period is None:
        return None
    if machine.scheduled_at is None:
        return now
    passed = (now - machine.scheduled_at) // period
    return machine.scheduled_at + passed * period if passed > 0 else None
