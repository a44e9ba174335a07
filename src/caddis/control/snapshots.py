"""Snapshots of a volume, whether that is still there or not."""

from __future__ import annotations

from typing import Any

import msgspec

from caddis.catalog import index
from caddis.control.core import Control
from caddis.control.volumes import find_volume


async def list_snapshots(control: Control, app: str, volume_id: str) -> list[dict[str, Any]]:
    """Of a volume, oldest first, from the index; also when the volume itself is gone."""
    found = [one for one in await control.read(index.list_snapshots, volume_id) if one.app == app]
    if not found:
        await find_volume(control, app, volume_id)  # NotFound for what never was
    documents = [msgspec.json.decode(snapshot.body, type=dict[str, Any]) for snapshot in found]
    return sorted(documents, key=lambda document: str(document["created_at"]))
