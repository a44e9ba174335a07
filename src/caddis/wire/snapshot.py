"""A snapshot as Fly spells it (facts: machines-api 5.5)."""

from __future__ import annotations

from typing import Any

from caddis.domain.snapshot import Snapshot, SnapshotStatus
from caddis.domain.volume import EncryptionKind
from caddis.wire.time import time_to_wire


def snapshot_to_wire(snapshot: Snapshot) -> dict[str, Any]:
    """The snapshot object; what follows `retention_days` is ours, and other clients pass it over."""
    return {
        "id": snapshot.id,
        "size": snapshot.held_bytes if snapshot.status is SnapshotStatus.CREATED else 0,
        "volume_size": snapshot.volume_bytes,
        "digest": "",
        "created_at": time_to_wire(snapshot.created_at),
        "status": str(snapshot.status),
        "retention_days": snapshot.retention_days,
        "volume_id": snapshot.volume_id,
        "volume_name": snapshot.volume_name,
        "encrypted": snapshot.origin.encryption is not EncryptionKind.NONE,
        "scheduled": snapshot.scheduled,
        "problem": snapshot.problem,
        "is_local": snapshot.is_local,
        "kept_at": time_to_wire(snapshot.kept_at) if snapshot.kept_at else None,
        "kept_size": snapshot.kept_bytes,
        "keep_problem": snapshot.keep_problem,
    }


def snapshot_begun_to_wire(snapshot: Snapshot) -> dict[str, Any]:
    """The answer to a request for one: Fly's `backup` record, and the snapshot itself."""
    created = time_to_wire(snapshot.created_at)
    backup = {
        "id": snapshot.id,
        "app_id": snapshot.app,
        "volume_id": snapshot.volume_id,
        "state": "prepare",
        "type": "on-demand",
        "created_at": created,
        "updated_at": created,
        "finished_at": None,
        "graph_id": snapshot.id,
    }
    return {**snapshot_to_wire(snapshot), "backup": backup}
