"""A volume as Fly spells it (facts: machines-api 5)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from caddis.domain.errors import Invalid
from caddis.domain.ids import check_volume_name
from caddis.domain.io_limits import check_bandwidth, check_iops
from caddis.domain.machine import Guest
from caddis.domain.sizes import check_volume_size
from caddis.domain.snapshot import Snapshot
from caddis.domain.volume import DEFAULT_RETENTION_DAYS, FileSystemKind, Volume, VolumeState, check_retention
from caddis.wire.machine_config import guest_from_wire
from caddis.wire.reading import Reader, naming
from caddis.wire.time import time_to_wire

DEFAULT_SIZE_GB = 3  # the API's; the command line always sends its own default of 1


def volume_to_wire(volume: Volume, host_status: str = "ok", *, kept: Snapshot | None = None) -> dict[str, Any]:
    """The volume object. Unattached is null, never "": clients take any text for an attachment.

    The last fields are ours: the newest snapshot that is `kept` off the host. What was written since then is what
    would be lost with the host.
    """
    usage = volume.usage
    return {
        "id": volume.id,
        "name": volume.name,
        "state": str(volume.state),
        "size_gb": volume.size_gb,
        "region": volume.region,
        "zone": volume.zone,
        "encrypted": volume.encrypted,
        "attached_machine_id": volume.attached_machine_id or None,
        "attached_alloc_id": None,
        "created_at": time_to_wire(volume.created_at),
        "blocks": usage.blocks,
        "block_size": usage.block_size,
        "blocks_free": usage.blocks_free,
        "blocks_avail": usage.blocks_avail,
        "bytes_used": (usage.blocks - usage.blocks_free) * usage.block_size,
        "bytes_total": usage.blocks * usage.block_size,
        "fstype": "" if volume.state is VolumeState.CREATING else str(volume.fstype),
        "snapshot_retention": volume.snapshot_retention,
        "auto_backup_enabled": volume.auto_backup_enabled,
        "host_status": host_status,
        "host_dedication_key": "",
        "host_dedication_id": "",
        "last_kept_snapshot_id": kept.id if kept else None,
        "last_kept_at": time_to_wire(kept.created_at) if kept else None,
        **({"io_limits": asdict(volume.io_limits)} if volume.io_limits.said else {}),  # ours: clients pass it over
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class VolumeRequest:
    """A create. `compute` hints at the machine that will use it; `size_gb` None: the API's default, or the origin's."""

    name: str
    region: str = ""
    size_gb: int | None = None
    encrypted: bool = True
    fstype: FileSystemKind = FileSystemKind.EXT4
    require_unique_zone: bool = True
    unique_zone_app_wide: bool = False
    snapshot_id: str | None = None
    source_volume_id: str | None = None
    snapshot_retention: int = DEFAULT_RETENTION_DAYS
    auto_backup_enabled: bool = True
    compute: Guest | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class VolumeUpdate:
    """A change of settings; None leaves one as it is. `io_limits` has those that change, by IoLimits' names."""

    snapshot_retention: int | None = None
    auto_backup_enabled: bool | None = None
    io_limits: Mapping[str, int | None] | None = None


def volume_request_from_wire(document: object) -> VolumeRequest:
    """A create body; Invalid with the field where it is wrong."""
    reader = Reader(document)
    if not reader.text("name"):
        raise Invalid("name is missing: give the volume a name", hint="fly volumes create my_data", field="name")
    compute = reader.find_object("compute")
    return VolumeRequest(
        name=naming("name", check_volume_name, reader.text("name")),
        region=reader.name("region"),
        size_gb=_size(reader),
        encrypted=reader.truth("encrypted", True),
        fstype=FileSystemKind(reader.choice("fstype", tuple(FileSystemKind), FileSystemKind.EXT4)),
        require_unique_zone=reader.truth("require_unique_zone", True),
        unique_zone_app_wide=reader.truth("unique_zone_app_wide"),
        snapshot_id=reader.name("snapshot_id") or None,
        source_volume_id=reader.name("source_volume_id") or None,
        snapshot_retention=_retention(reader) or DEFAULT_RETENTION_DAYS,
        auto_backup_enabled=reader.truth("auto_backup_enabled", True),
        compute=guest_from_wire(compute) if compute and compute.document else None,
    )


def volume_update_from_wire(document: object) -> VolumeUpdate:
    """An update body."""
    reader = Reader(document)
    return VolumeUpdate(
        snapshot_retention=_retention(reader),
        auto_backup_enabled=reader.find_truth("auto_backup_enabled"),
        io_limits=_io_limits(reader.find_object("io_limits")),
    )


def volume_extension_from_wire(document: object) -> int:
    """An extend body: the whole new size in GB."""
    reader = Reader(document)
    if not reader.has("size_gb"):
        raise Invalid("size_gb is missing: give the volume's new size in GB", field="size_gb")
    return naming("size_gb", check_volume_size, reader.document["size_gb"])


def _size(reader: Reader) -> int | None:
    if not reader.has("size_gb"):
        return None
    return naming("size_gb", check_volume_size, reader.document["size_gb"])


def _retention(reader: Reader) -> int | None:
    if not reader.has("snapshot_retention"):
        return None
    return naming("snapshot_retention", check_retention, reader.document["snapshot_retention"])


def _io_limits(reader: Reader | None) -> dict[str, int | None] | None:
    """Here null is a value: as the installation says."""
    if reader is None:
        return None
    checks = {"iops": check_iops, "bandwidth": check_bandwidth}
    return {
        key: naming(reader.at(key), check, reader.document[key])
        for key, check in checks.items()
        if key in reader.document
    }
