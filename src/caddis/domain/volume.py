"""A volume: a fixed-size slice of one host's pool, owned by one app, attached to at most one machine (promise P1)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from caddis.domain.errors import Conflict, InUse, Invalid
from caddis.domain.io_limits import NOTHING_SAID, IoLimits

DEFAULT_RETENTION_DAYS = 5
MORE_SPACE = (
    "choose a smaller size, give the host a larger pool, or destroy volumes that are not needed; a destroyed one keeps"
    " its place as long as it can be brought back: fly volumes destroy --erase ID ends that at once"
)
UNDO_PERIOD = timedelta(hours=24)  # promise P5


class VolumeState(StrEnum):
    """Spelled as Fly spells them (facts: machines-api 5.2)."""

    CREATING = "creating"
    CREATED = "created"
    EXTENDING = "extending"
    RESTORING = "restoring"
    ENABLING_REMOTE_EXPORT = "enabling_remote_export"
    HYDRATING = "hydrating"
    RECOVERING = "recovering"
    SCHEDULING_DESTROY = "scheduling_destroy"
    PENDING_DESTROY = "pending_destroy"
    DESTROYING = "destroying"
    DESTROYED = "destroyed"


_OF_THE_SYSTEM = frozenset({"proc", "sys", "dev", ".caddis"})  # below /, inside a machine
ATTACHABLE = frozenset({VolumeState.CREATED, VolumeState.EXTENDING})


class EncryptionKind(StrEnum):
    """How a volume's bytes are kept from whoever holds the disk."""

    NONE = "none"
    FSCRYPT = "fscrypt"  # ext4, AES-256-XTS, policy v2
    LUKS = "luks"  # dm-crypt, LUKS2 with a detached header


class FileSystemKind(StrEnum):
    """What is on the device."""

    EXT4 = "ext4"
    RAW = "raw"  # nothing: the machine gets the bare device


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """statfs of a mounted volume, in blocks of `block_size` bytes; all zero until first mounted."""

    block_size: int = 0
    blocks: int = 0
    blocks_free: int = 0
    blocks_avail: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Volume:
    """What the host's book holds of a volume. Sizes in GB of 2**30 bytes, times in UTC."""

    id: str
    app: str
    name: str
    region: str
    zone: str
    size_gb: int
    state: VolumeState
    encryption: EncryptionKind
    created_at: datetime
    fstype: FileSystemKind = FileSystemKind.EXT4
    attached_machine_id: str | None = None
    snapshot_retention: int = DEFAULT_RETENTION_DAYS
    auto_backup_enabled: bool = True
    erase_at: datetime | None = None  # when a pending_destroy volume is gone for good
    wrapped_key: str | None = None  # base64; see volumes/keys.py
    usage: Usage = Usage()
    io_limits: IoLimits = NOTHING_SAID

    @property
    def encrypted(self) -> bool:
        """Whether its bytes are encrypted at rest."""
        return self.encryption is not EncryptionKind.NONE


def check_retention(days: object) -> int:
    """Days to keep snapshots; Invalid outside 1 to 60 (facts: systems 5)."""
    if isinstance(days, bool) or not isinstance(days, int) or not 1 <= days <= 60:
        raise Invalid(f"snapshot retention {days!r} is out of range: 1 to 60 days", field="snapshot_retention")
    return days


def check_mount_path(path: str) -> str:
    """Where a volume may appear inside a machine: an absolute path other than `/` or the system's, without `..`."""
    parts = [part for part in path.split("/") if part]
    if not path.startswith("/"):
        raise Invalid(f"mount path {path!r} must be absolute, like /data", field="mounts.path")
    if not parts:
        raise Invalid("a volume cannot be mounted on /: choose a directory, like /data", field="mounts.path")
    if ".." in parts or "." in parts or re.search(r"[\x00-\x1f]", path):
        raise Invalid(
            f"mount path {path!r} must be plain: no . or .. parts, no control characters", field="mounts.path"
        )
    if parts[0] in _OF_THE_SYSTEM:
        raise Invalid(f"mount path {path!r} is the system's own: choose another, like /data", field="mounts.path")
    return path


def check_attachable(volume: Volume, *, machine: str, app: str) -> None:
    """Raises unless `machine` of `app` may claim this volume now."""
    if volume.app != app:
        raise Invalid(f"volume {volume.id} belongs to another app, not to {app}", field="mounts.volume")
    if volume.attached_machine_id not in (None, machine):
        raise InUse(
            f"volume {volume.id} is already attached to machine {volume.attached_machine_id}",
            hint=f"destroy that machine first, or create another volume: fly volumes create {volume.name} -a {app}",
        )
    if volume.state not in ATTACHABLE:
        raise Conflict(f"volume {volume.id} is {volume.state} and cannot be attached")


def check_extension(volume: Volume, size_gb: int) -> None:
    """Raises unless the volume may now be extended to `size_gb` GB."""
    if volume.state is not VolumeState.CREATED:
        raise Conflict(f"volume {volume.id} is {volume.state} and cannot be extended")
    if size_gb <= volume.size_gb:
        raise Invalid(
            f"volume {volume.id} has {volume.size_gb} GB already, and {size_gb} GB is not more: volumes only grow",
            hint=f"fly volumes extend {volume.id} --size {volume.size_gb + 1}",
            field="size_gb",
        )


def check_changeable(volume: Volume) -> None:
    """Raises unless the volume's settings may be changed now."""
    if volume.state not in ATTACHABLE:
        raise Conflict(
            f"volume {volume.id} is {volume.state}: its settings cannot be changed",
            hint=f"fly volumes restore {volume.id} -a {volume.app}"
            if volume.state is VolumeState.PENDING_DESTROY
            else None,
        )


def check_destroyable(volume: Volume) -> None:
    """Raises unless the volume may be destroyed now."""
    if volume.attached_machine_id is not None:
        raise InUse(
            f"volume {volume.id} is attached to machine {volume.attached_machine_id} and cannot be destroyed",
            hint=f"fly machine destroy {volume.attached_machine_id} --force, or deploy without its [mounts]",
        )
    if volume.state is not VolumeState.CREATED:
        raise Conflict(f"volume {volume.id} is {volume.state} and cannot be destroyed")
