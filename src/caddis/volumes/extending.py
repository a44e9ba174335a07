"""Growing a volume: its slice first, then the file system in it, while a machine uses it if the kernel lets us.

Where it does not (no CAP_SYS_RESOURCE), the file system grows before the next mount. resize2fs on a file system at
rest is not safe against being killed, so it works on a twin of the slice, which then takes its place in one step.
"""

from __future__ import annotations

import logging
import os

from caddis.domain.errors import Problem
from caddis.domain.sizes import gb_to_bytes
from caddis.domain.volume import EncryptionKind, FileSystemKind, Volume, VolumeState
from caddis.kernel import filesystem, mount
from caddis.kernel.command import Failed, run
from caddis.telemetry.log import note
from caddis.telemetry.seam import seam
from caddis.volumes.encryption import encryption_of
from caddis.volumes.place import Place, unfinished_slice, volume_slice
from caddis.volumes.unmounting import PATIENCE


def grow_mounted(place: Place, volume: Volume) -> bool:
    """Ensure that a file system in use fills its slice; whether that must wait for the machine's next start."""
    target = place.mount_point(volume.id)
    if volume.fstype is FileSystemKind.RAW or not mount.is_mount_point(target):
        return False
    with place.pool.opened(volume_slice(volume.id)) as slice_device:
        encryption = encryption_of(place, volume)
        device = encryption.open_device(slice_device)
        encryption.extend_device()
        if not is_short(volume, device):
            return False
        try:
            run(filesystem.grow_ext4(device))
        except Failed as failed:
            if not filesystem.says_not_permitted(failed):
                raise
            note("the file system grows at the next start", volume=volume.id, why=failed.stderr.strip())
            return True
    return False


def grow_at_rest(place: Place, volume: Volume) -> None:
    """Have a short file system that nobody has mounted, and whose identity was checked, fill its slice.

    Where that cannot be, it stays as it is, with a line in the log: a machine starts with less space rather than not.
    """
    note("growing a file system at rest", volume=volume.id, size_gb=volume.size_gb)
    try:
        _grow_twin(place, volume_slice(volume.id), unfinished_slice(volume.id))
    except Problem as problem:
        note("the file system could not grow", volume=volume.id, why=problem.message, level=logging.WARNING)
        place.pool.close_device(unfinished_slice(volume.id), patience=PATIENCE)
        place.pool.erase(unfinished_slice(volume.id))


def _grow_twin(place: Place, name: str, unfinished: str) -> None:
    place.pool.twin(name, unfinished)
    with place.pool.opened(unfinished) as device:
        run(filesystem.check_ext4(device), accept=(0, 1))
        seam("volumes.grow:after check")
        run(filesystem.grow_ext4(device))
        seam("volumes.grow:after grow")
    place.pool.close_device(name, patience=PATIENCE)
    place.pool.close_device(unfinished, patience=PATIENCE)
    place.pool.publish(unfinished, name)
    seam("volumes.grow:after publish")


def can_grow_at_rest(volume: Volume) -> bool:
    """A LUKS volume grows while it is mounted: where there is device-mapper, there is the right to."""
    return volume.fstype is FileSystemKind.EXT4 and volume.encryption is not EncryptionKind.LUKS


def is_short(volume: Volume, device: str) -> bool:
    """Whether the ext4 on the device is smaller than the volume, as after `extend`."""
    if volume.state is VolumeState.EXTENDING:
        return False  # that is not certain yet
    fd = os.open(device, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return filesystem.read_ext4_bytes(fd) < gb_to_bytes(volume.size_gb)
    finally:
        os.close(fd)
