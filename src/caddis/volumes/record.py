"""The self-describing record beside each image, so that a disk moved to another computer tells what it holds.

JSON: {"format": 1, "checksum": blake2b of the canonical text of `volume`, "volume": {…}}.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

from caddis.domain.errors import Damaged
from caddis.domain.io_limits import IoLimits
from caddis.domain.snapshot import Snapshot
from caddis.domain.volume import EncryptionKind, FileSystemKind, Volume, VolumeState
from caddis.kernel.durable import write_whole
from caddis.volumes.place import snapshot_slice, volume_slice
from caddis.volumes.pool import Pool

FORMAT = 1
SUFFIX = ".json"


@dataclass(frozen=True, slots=True)
class DamagedRecord:
    """A record that cannot be trusted, and why."""

    volume_id: str
    problem: Damaged


def write_record(pool: Pool, volume: Volume) -> None:
    """Ensure the record of a volume, on disk. Attachment and usage are not part of it: they belong to the book."""
    document = _to_document(volume)
    content = json.dumps({"format": FORMAT, "checksum": _checksum(document), "volume": document}, indent=1).encode()
    path = pool.sidecar(volume_slice(volume.id), SUFFIX)
    if _read(path) != content:
        write_whole(path, content)


def read_record(pool: Pool, volume_id: str) -> Volume:
    """The volume that the record tells of, as if unattached; Damaged, naming it, when it cannot be trusted."""
    path = pool.sidecar(volume_slice(volume_id), SUFFIX)
    content = _read(path)
    if content is None:
        raise Damaged(f"the record {path} of volume {volume_id} is missing")
    try:
        return _from_file(json.loads(content), volume_id)
    except Damaged as why:
        raise Damaged(f"the record {path} of volume {volume_id} is damaged: {why.message}") from None
    except (ValueError, KeyError, TypeError):
        raise Damaged(f"the record {path} of volume {volume_id} is damaged: it cannot be read") from None


def write_snapshot_record(pool: Pool, snapshot: Snapshot) -> None:
    """Ensure the record of a snapshot, on disk."""
    document = msgspec.to_builtins(snapshot)
    content = json.dumps({"format": FORMAT, "checksum": _checksum(document), "snapshot": document}, indent=1).encode()
    path = pool.sidecar(snapshot_slice(snapshot.id), SUFFIX)
    if _read(path) != content:
        write_whole(path, content)


def read_snapshot_record(pool: Pool, snapshot_id: str) -> Snapshot:
    """The snapshot that the record tells of; Damaged, naming it, when it cannot be trusted."""
    path = pool.sidecar(snapshot_slice(snapshot_id), SUFFIX)
    try:
        outer = json.loads(path.read_bytes())
        if outer["format"] != FORMAT or outer["checksum"] != _checksum(outer["snapshot"]):
            raise ValueError("format or checksum")
        snapshot = msgspec.convert(outer["snapshot"], type=Snapshot)
    except FileNotFoundError:
        raise Damaged(f"the record {path} of snapshot {snapshot_id} is missing") from None
    except (ValueError, KeyError, TypeError) as why:
        raise Damaged(f"the record {path} of snapshot {snapshot_id} is damaged: {why}") from None
    if snapshot.id != snapshot_id:
        raise Damaged(f"the record {path} is that of snapshot {snapshot.id}")
    return snapshot


def list_records(pool: Pool) -> Iterator[Volume | DamagedRecord]:
    """Every record of a pool, in order of id; one that is damaged does not hide the others."""
    for name in pool.list_names("volumes"):
        volume_id = name.rpartition("/")[2]
        try:
            yield read_record(pool, volume_id)
        except Damaged as problem:
            yield DamagedRecord(volume_id, problem)


def _from_file(outer: dict[str, Any], volume_id: str) -> Volume:
    if outer["format"] != FORMAT:
        raise Damaged(f"its format is {outer['format']!r}, this program reads {FORMAT}")
    if outer["checksum"] != _checksum(outer["volume"]):
        raise Damaged("its checksum does not match")
    volume = _from_document(outer["volume"])
    if volume.id != volume_id:
        raise Damaged(f"it is the record of {volume.id}")
    return volume


def _to_document(volume: Volume) -> dict[str, Any]:
    return {
        "id": volume.id,
        "app": volume.app,
        "name": volume.name,
        "region": volume.region,
        "zone": volume.zone,
        "size_gb": volume.size_gb,
        "state": volume.state.value,
        "fstype": volume.fstype.value,
        "encryption": volume.encryption.value,
        "wrapped_key": volume.wrapped_key,
        "created_at": volume.created_at.isoformat(),
        "erase_at": volume.erase_at.isoformat() if volume.erase_at else None,
        "snapshot_retention": volume.snapshot_retention,
        "auto_backup_enabled": volume.auto_backup_enabled,
        **({"io_limits": msgspec.to_builtins(volume.io_limits)} if volume.io_limits.said else {}),
    }


def _from_document(document: dict[str, Any]) -> Volume:
    erase_at = document["erase_at"]
    return Volume(
        id=document["id"],
        app=document["app"],
        name=document["name"],
        region=document["region"],
        zone=document["zone"],
        size_gb=document["size_gb"],
        state=VolumeState(document["state"]),
        fstype=FileSystemKind(document["fstype"]),
        encryption=EncryptionKind(document["encryption"]),
        wrapped_key=document["wrapped_key"],
        created_at=datetime.fromisoformat(document["created_at"]),
        erase_at=datetime.fromisoformat(erase_at) if erase_at else None,
        snapshot_retention=document["snapshot_retention"],
        auto_backup_enabled=document["auto_backup_enabled"],
        io_limits=msgspec.convert(document.get("io_limits") or {}, type=IoLimits),
    )


def _checksum(document: dict[str, Any]) -> str:
    canonical = json.dumps(document, sort_keys=True, separators=(",", ":")).encode()
    return hashlib.blake2b(canonical, digest_size=32).hexdigest()


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None
