"""Opening a volume: device, identity, mount, key. The order is promise P2: nothing is mounted that was not checked."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from caddis.domain.errors import Conflict, Damaged, WrongVolume
from caddis.domain.ids import filesystem_label, filesystem_uuid
from caddis.domain.sizes import gb_to_bytes
from caddis.domain.volume import FileSystemKind, Volume, VolumeState
from caddis.kernel import filesystem, mount
from caddis.telemetry.seam import seam
from caddis.volumes.encryption import Encryption, encryption_of
from caddis.volumes.extending import can_grow_at_rest, grow_at_rest, grow_mounted, is_short
from caddis.volumes.place import ROOT, Place, volume_slice
from caddis.volumes.unmounting import unmount_volume


def mount_volume(place: Place, volume: Volume) -> str:
    """Ensure it is opened, checked, mounted and unlocked; the folder for the machine, or the device of a raw volume.

    WrongVolume or Damaged with everything given back that this call took, and nothing written.
    """
    target = place.mount_point(volume.id)
    adopted = mount.is_mount_point(target)
    _check_size(place, volume)
    encryption = encryption_of(place, volume)
    try:
        if volume.fstype is FileSystemKind.RAW:
            return _open_raw(place, volume, encryption)
        if adopted:
            _check_mounted(place, volume, target)
        else:
            _mount_checked(place, volume, target, encryption)
        root = target / ROOT
        if not root.is_dir() or root.is_symlink():
            raise WrongVolume(f"volume {volume.id} has no folder {ROOT}: it is not a file system that Caddis made")
        encryption.unlock(root)
    except BaseException:
        if not adopted:
            unmount_volume(place, volume.id)
        raise
    seam("volumes.mount:after unlock")
    return str(root)


def _check_size(place: Place, volume: Volume) -> None:
    size = place.pool.size_of(volume_slice(volume.id))
    if volume.state is not VolumeState.EXTENDING and size < gb_to_bytes(volume.size_gb):
        raise Damaged(f"the image of volume {volume.id} was cut short: {size} bytes of {gb_to_bytes(volume.size_gb)}")


def _open_raw(place: Place, volume: Volume, encryption: Encryption) -> str:
    # Nothing mounted would keep the device, so it stays until it is closed; it is found again by what it shows.
    with place.pool.opened(volume_slice(volume.id), persistent=True) as device:
        seam("volumes.mount:after open")
        return encryption.open_device(device)


def _mount_checked(place: Place, volume: Volume, target: Path, encryption: Encryption) -> None:
    target.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not _mount_device(place, volume, target, encryption, even_if_short=not can_grow_at_rest(volume)):
        grow_at_rest(place, volume)
        _mount_device(place, volume, target, encryption, even_if_short=True)
    if not can_grow_at_rest(volume):
        grow_mounted(place, volume)


def _mount_device(place: Place, volume: Volume, target: Path, encryption: Encryption, *, even_if_short: bool) -> bool:
    """False, with nothing done, when the file system is shorter than its volume."""
    with place.pool.opened(volume_slice(volume.id)) as device:
        seam("volumes.mount:after open")
        device = encryption.open_device(device)
        _check_identity(volume, device)
        if not even_if_short and is_short(volume, device):
            return False
        try:
            mount.mount(device, target, "ext4", flags=mount.NODEV)
        except OSError as refused:
            if refused.errno in (errno.EUCLEAN, errno.EINVAL, errno.EBADMSG):
                raise Damaged(
                    f"the file system of volume {volume.id} is damaged and was not mounted ({refused.strerror})",
                    hint="the image is untouched: copy it before you let e2fsck repair it",
                ) from None
            raise
        seam("volumes.mount:after mount")
    return True


def _check_identity(volume: Volume, device: str) -> None:
    fd = os.open(device, os.O_RDONLY | os.O_CLOEXEC)
    try:
        found = filesystem.read_ext4_identity(fd)
    finally:
        os.close(fd)
    if found is None:
        raise WrongVolume(
            f"the device of volume {volume.id} holds no ext4 file system; nothing was mounted or changed",
            hint="its image was overwritten or replaced: look into the pool before anything else",
        )
    wanted = filesystem.Ext4Identity(filesystem_uuid(volume.id), filesystem_label(volume.id))
    if found != wanted:
        raise WrongVolume(
            f"the device of volume {volume.id} carries another identity (UUID {found.uuid}, label {found.label!r};"
            f" expected {wanted.uuid}, {wanted.label!r}); nothing was mounted or changed",
            hint="an image was moved or replaced: look into the pool before anything else",
        )


def _check_mounted(place: Place, volume: Volume, target: Path) -> None:
    """What is mounted already (the agent was restarted) must be this volume's own device."""
    device = os.stat(target).st_dev
    mapper = os.path.exists(f"/sys/dev/block/{os.major(device)}:{os.minor(device)}/dm")
    if mapper or place.pool.is_device_of(device, volume_slice(volume.id)):
        return
    raise Conflict(f"something else than volume {volume.id} is mounted on {target}", hint=f"findmnt {target}")
