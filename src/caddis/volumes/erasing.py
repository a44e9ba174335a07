"""Removing a volume for good: keys first, so that a crash half-way leaves bytes that nobody can read."""

from __future__ import annotations

from caddis.telemetry.seam import seam
from caddis.volumes.place import Place, unfinished_slice, volume_slice
from caddis.volumes.unmounting import unmount_volume


def erase_volume(place: Place, volume_id: str) -> None:
    """Ensure that image, record, LUKS header and mount are gone, on disk. Conflict when it is in use."""
    unmount_volume(place, volume_id)
    seam("volumes.erase:after unmount")
    place.pool.erase(unfinished_slice(volume_id))
    place.pool.erase(volume_slice(volume_id))
