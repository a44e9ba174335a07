"""When a volume's daily snapshot is due. Pure; all times are a host's steady time (domain/clock.py)."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from caddis.domain.snapshot import Snapshot, SnapshotStatus
from caddis.domain.volume import Volume, VolumeState

_DAY = timedelta(days=1)
_APART = timedelta(hours=12)  # so that moving a slot or a clock never takes two of one day
_AGAIN = timedelta(hours=1)  # after one that failed
_EPOCH = datetime(2020, 1, 1, tzinfo=UTC)


def last_slot(volume_id: str, now: datetime) -> datetime:
    """The latest time of day, at or before `now`, at which this volume's snapshot is due.

    Spread over the day by the volume's id, so that a host's volumes are not all frozen at midnight.
    """
    seconds = int.from_bytes(hashlib.sha256(volume_id.encode()).digest()[:4], "big") % 86_400
    first = _EPOCH + timedelta(seconds=seconds)
    return first + (now - first) // _DAY * _DAY


def is_due(volume: Volume, snapshots: Iterable[Snapshot], now: datetime) -> bool:
    """Whether the volume's daily snapshot is to be taken now, given those that it has."""
    if not volume.auto_backup_enabled or volume.state is not VolumeState.CREATED:
        return False
    slot = last_slot(volume.id, now)
    if volume.created_at > slot:
        return False
    for snapshot in snapshots:
        if not snapshot.scheduled:
            continue
        failed = snapshot.status is SnapshotStatus.FAILED
        if snapshot.due_at > now - (_AGAIN if failed else _APART) or (snapshot.due_at >= slot and not failed):
            return False
    return True
