"""A snapshot: what a volume was at one instant.

*Local*: a clone in the pool of the volume's host. *Kept*: shipped off the host, into the installation's store. Most are
both; one that is only kept has given its place in the pool back.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from caddis.domain.errors import Conflict, Invalid, NotFound
from caddis.domain.sizes import gb_to_bytes
from caddis.domain.volume import EncryptionKind, FileSystemKind, Volume, VolumeState


class SnapshotStatus(StrEnum):
    """Spelled as Fly spells them (facts: machines-api 5.5); `failed` is ours."""

    WAITING = "waiting"
    RUNNING = "running"
    CREATED = "created"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """What it takes to open a copy of a volume's bytes. `wrapped_key` is bound to `volume_id`."""

    volume_id: str
    size_gb: int
    fstype: FileSystemKind
    encryption: EncryptionKind
    wrapped_key: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """What the host's book holds of a snapshot. It outlives its volume, so it says all that a new one needs.

    `held_bytes` is what the pool has promised to it: blocks that no older snapshot of the volume has. `due_at` is the
    host's steady time (domain/clock.py) at which it was asked for, `expires_at` the one at which it goes. `kept_in`
    names the store that has it, `kept_bytes` is what it took there beyond what there was; `keep_problem` says why it
    could not be shipped.
    """

    id: str
    app: str
    volume_name: str
    region: str
    zone: str
    origin: Origin
    status: SnapshotStatus
    created_at: datetime
    retention_days: int
    due_at: datetime
    expires_at: datetime
    scheduled: bool = False
    held_bytes: int = 0
    problem: str = ""
    is_local: bool = True
    kept_at: datetime | None = None
    kept_in: str = ""
    kept_bytes: int = 0
    keep_problem: str = ""

    @property
    def volume_id(self) -> str:
        """Whose it is."""
        return self.origin.volume_id

    @property
    def may_be_kept(self) -> bool:
        """Whether the store may have something of it, be it of an attempt that failed."""
        return self.kept_at is not None or bool(self.keep_problem)

    @property
    def volume_bytes(self) -> int:
        """How large the volume was."""
        return gb_to_bytes(self.origin.size_gb)


SNAPPABLE = frozenset({VolumeState.CREATED, VolumeState.EXTENDING})


def origin_of(volume: Volume) -> Origin:
    """A volume as the origin of a copy."""
    return Origin(
        volume_id=volume.id,
        size_gb=volume.size_gb,
        fstype=volume.fstype,
        encryption=volume.encryption,
        wrapped_key=volume.wrapped_key,
    )


def check_snappable(volume: Volume) -> None:
    """Raises unless a snapshot or fork of the volume may be taken now."""
    if volume.state not in SNAPPABLE:
        raise Conflict(
            f"volume {volume.id} is {volume.state}: only a volume in use or at rest can be copied",
            hint=f"fly volumes restore {volume.id} -a {volume.app}"
            if volume.state is VolumeState.PENDING_DESTROY
            else None,
        )


def check_restorable(snapshot: Snapshot, size_gb: int) -> None:
    """Raises unless a volume of `size_gb` GB may be made of the snapshot."""
    if snapshot.status is SnapshotStatus.FAILED:
        raise NotFound(f"snapshot {snapshot.id} failed and holds nothing: {snapshot.problem}")
    if snapshot.status is not SnapshotStatus.CREATED:
        raise Conflict(f"snapshot {snapshot.id} is {snapshot.status}: wait until it is created")
    check_large_enough(size_gb, snapshot.origin.size_gb, f"snapshot {snapshot.id}")


def check_large_enough(size_gb: int, origin_gb: int, what: str) -> None:
    """Invalid unless a copy of `size_gb` GB has room for all of its origin."""
    if size_gb < origin_gb:
        raise Invalid(
            f"{what} is of a volume of {origin_gb} GB, and {size_gb} GB is too small for it",
            hint=f"add --size {origin_gb}, or more",
            field="size_gb",
        )


def choose_base(snapshots: Iterable[Snapshot], of: str, *, store: str) -> Snapshot | None:
    """The snapshot to ship the difference from: the newest kept one that is older, and still here to compare with."""
    base = None
    for snapshot in snapshots:
        if snapshot.id == of:
            break
        if snapshot.kept_in == store and snapshot.is_local:
            base = snapshot
    return base


def choose_unkept(snapshots: Iterable[Snapshot], *, store: str) -> list[Snapshot]:
    """Which snapshots that store does not have yet, oldest first: that makes the others small."""
    whole = (one for one in snapshots if one.status is SnapshotStatus.CREATED and one.is_local)
    return [one for one in whole if one.kept_in != store]


def older_neighbour(snapshots: Sequence[Snapshot], of: str) -> Snapshot | None:
    """The newest local snapshot of the same volume that is older than the one with this id. They come oldest first."""
    before = None
    for snapshot in snapshots:
        if snapshot.id == of:
            return before
        if snapshot.status is SnapshotStatus.CREATED and snapshot.is_local:
            before = snapshot
    return before


def newer_neighbour(snapshots: Sequence[Snapshot], of: str) -> Snapshot | None:
    """The oldest local snapshot of the same volume that is newer."""
    passed = False
    for snapshot in snapshots:
        if passed and snapshot.status is SnapshotStatus.CREATED and snapshot.is_local:
            return snapshot
        passed = passed or snapshot.id == of
    return None


def choose_expired(snapshots: Iterable[Snapshot], now: datetime, *, volume_lives: bool) -> list[Snapshot]:
    """Which of a volume's snapshots (oldest first) have had their time, at the host's steady time `now`.

    While its volume lives, the newest whole one stays, whatever its age: a clock can be wrong, and "none" is worse.
    """
    known = list(snapshots)
    whole = [snapshot for snapshot in known if snapshot.status is SnapshotStatus.CREATED]
    spared = whole[-1].id if whole and volume_lives else None
    ended = (SnapshotStatus.CREATED, SnapshotStatus.FAILED)
    return [one for one in known if one.status in ended and one.expires_at <= now and one.id != spared]
