"""Taking over what another host's pool holds: one volume or snapshot at a time."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from caddis.domain.errors import Conflict
from caddis.domain.snapshot import Snapshot, SnapshotStatus
from caddis.domain.volume import Volume, VolumeState


@dataclass(frozen=True, slots=True, kw_only=True)
class Adoption:
    """One thing that is to become this host's.

    `source` is the folder of the pool that holds it, None when that is this host's own pool: then nothing is copied.
    `wrapping_key` is the file with what its key is wrapped with (None: this host's own key). `at` is this host's steady
    time: a snapshot's days count anew from then. `older` is the snapshot that it shares blocks with.
    """

    id: str
    source: str | None
    wrapping_key: str | None
    region: str
    zone: str
    at: datetime
    older: str | None = None


def check_adoptable(thing: Volume | Snapshot, *, named: bool) -> None:
    """Conflict unless it may be taken over in the state that its record tells of; `named`: it was asked for by id."""
    if isinstance(thing, Snapshot):
        if thing.status is not SnapshotStatus.CREATED:
            raise Conflict(f"snapshot {thing.id} is {thing.status}: it holds nothing whole")
        return
    if thing.state is VolumeState.PENDING_DESTROY and not named:
        raise Conflict(
            f"volume {thing.id} was destroyed on its host", hint=f"to bring it back, name it: --volume {thing.id}"
        )
    if thing.state not in (VolumeState.CREATED, VolumeState.PENDING_DESTROY):
        raise Conflict(f"volume {thing.id} is {thing.state}: let its own host finish that first")


def adopted_volume(volume: Volume, adoption: Adoption, wrapped_key: str | None) -> Volume:
    """As this host has it: in its region and zone, attached to nothing."""
    return replace(
        volume,
        region=adoption.region,
        zone=adoption.zone,
        state=VolumeState.CREATED,
        erase_at=None,
        wrapped_key=wrapped_key,
    )


def adopted_snapshot(snapshot: Snapshot, adoption: Adoption, wrapped_key: str | None, held_bytes: int) -> Snapshot:
    """As this host has it, with all of its days before it. What another store has of it is not this one's to keep."""
    return replace(
        snapshot,
        region=adoption.region,
        zone=adoption.zone,
        origin=replace(snapshot.origin, wrapped_key=wrapped_key),
        due_at=adoption.at,
        expires_at=adoption.at + timedelta(days=snapshot.retention_days),
        held_bytes=held_bytes,
        kept_at=None,
        kept_in="",
        kept_bytes=0,
        keep_problem="",
    )
