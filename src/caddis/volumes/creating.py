"""Making the file system of a new volume."""

from __future__ import annotations

import os
from pathlib import Path

from caddis.domain.errors import Conflict
from caddis.domain.ids import filesystem_label, filesystem_uuid
from caddis.domain.volume import FileSystemKind, Volume
from caddis.kernel import filesystem, libc, mount
from caddis.kernel.command import run
from caddis.telemetry.seam import seam
from caddis.volumes.encryption import Encryption, encryption_of
from caddis.volumes.place import ROOT, Place, volume_slice
from caddis.volumes.unmounting import unmount_volume


def format_volume(place: Place, volume: Volume) -> None:
    """Put an empty file system with the volume's identity on its slice, on disk. Destroys what was there.

    Conflict when it is mounted. Whatever happens, nothing stays open or mounted.
    """
    if mount.is_mount_point(place.mount_point(volume.id)) and _has_content(place.mount_point(volume.id) / ROOT):
        raise Conflict(f"volume {volume.id} is mounted and holds files: it will not be formatted")
    unmount_volume(place, volume.id)  # of a creation that died here
    encryption = encryption_of(place, volume)
    try:
        # Only zeros may be below mkfs (see make_ext4), and after a crash the slice holds half a file system.
        place.pool.blank(volume_slice(volume.id))
        seam("volumes.format:after blank")
        with place.pool.opened(volume_slice(volume.id)) as device:
            seam("volumes.format:after open")
            encryption.initialise(device)
            if volume.fstype is FileSystemKind.EXT4:
                _make_file_system(place, volume, encryption.open_device(device), encryption)
    finally:
        unmount_volume(place, volume.id)


def _make_file_system(place: Place, volume: Volume, device: str, encryption: Encryption) -> None:
    run(
        filesystem.make_ext4(
            device, uuid=filesystem_uuid(volume.id), label=filesystem_label(volume.id), features=encryption.features
        )
    )
    seam("volumes.format:after mkfs")
    target = place.mount_point(volume.id)
    target.mkdir(mode=0o700, parents=True, exist_ok=True)
    mount.mount(device, target, "ext4", flags=mount.NODEV)
    seam("volumes.format:after mount")
    root = target / ROOT
    root.mkdir(mode=0o755)
    os.chmod(root, 0o755)  # whatever the umask: a machine's users enter through it
    encryption.protect(root)
    seam("volumes.format:after protect")
    _sync(target)


def _sync(target: Path) -> None:
    fd = os.open(target, os.O_RDONLY | os.O_CLOEXEC)
    try:
        libc.syncfs(fd)
    finally:
        os.close(fd)


def _has_content(root: Path) -> bool:
    try:
        return bool(os.listdir(root))
    except FileNotFoundError:
        return False
