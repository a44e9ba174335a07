"""Closing a volume. Its key is in the mounted file system (fscrypt) or in the mapping (luks), and goes with it."""

from __future__ import annotations

import os
from pathlib import Path

from caddis.domain.errors import Conflict
from caddis.kernel import mount
from caddis.telemetry.seam import seam
from caddis.volumes.encryption import ensure_mapping_closed
from caddis.volumes.place import Place, volume_slice

PATIENCE = 3.0  # seconds for the last process of a machine, or a namespace in the making, to let go


def unmount_volume(place: Place, volume_id: str) -> None:
    """Ensure it is unmounted, locked and its device closed.

    Conflict, naming who holds it, when it is in use: then it may be unmounted here, but its device is still open, and
    doing this again later goes on from there.
    """
    name = volume_slice(volume_id)
    target = place.mount_point(volume_id)
    device = _close_mount(target, f"volume {volume_id}")
    seam("volumes.unmount:after unmount")
    ensure_mapping_closed(volume_id)
    if not place.pool.close_device(name, patience=PATIENCE):
        raise Conflict(f"the device of volume {volume_id} is still in use{_by(device)}", hint=_HINT)
    _remove(target)


def unmount_point(target: Path, what: str) -> None:
    """Ensure that nothing is mounted there; Conflict, naming who holds it."""
    _close_mount(target, what)


_HINT = "end those processes, or wait until they have ended; then it is tried again"


def _close_mount(target: Path, what: str) -> int | None:
    """The number of the device that was mounted, if any."""
    if not mount.is_mount_point(target):
        return None
    device = os.stat(target).st_dev
    if not mount.unmount(target, patience=PATIENCE):
        raise Conflict(f"{what} is still in use{_by(device)}", hint=_HINT)
    return device


def _by(device: int | None) -> str:
    return mount.by_holders(device) if device is not None else ""


def _remove(target: Path) -> None:
    try:
        target.rmdir()
    except FileNotFoundError:
        pass
