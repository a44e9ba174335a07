"""Looking into a snapshot, or into a volume as it is at one instant, through a throw-away twin mounted read-only.

The twin shares all blocks, so it costs milliseconds; mounting it replays the journal on the twin, not the original.
A view is named by whoever opens it and goes with `close_view`; those of an agent that died go when the pool is opened.
"""

from __future__ import annotations

import errno
import os
import re
from pathlib import Path

from caddis.domain.errors import Conflict, Damaged, Invalid, WrongVolume
from caddis.domain.ids import filesystem_label, filesystem_uuid
from caddis.domain.snapshot import Origin
from caddis.domain.volume import EncryptionKind, FileSystemKind
from caddis.kernel import filesystem, mount
from caddis.telemetry.log import note
from caddis.telemetry.seam import seam
from caddis.volumes.encryption import (
    LUKS_HEADER,
    Encryption,
    FscryptEncryption,
    LuksEncryption,
    NoEncryption,
    ensure_mapping_closed,
)
from caddis.volumes.place import ROOT, Place, snapshot_slice, volume_slice
from caddis.volumes.snapshotting import copy_header, stillness
from caddis.volumes.unmounting import PATIENCE, unmount_point

SAFE = mount.NODEV | mount.NOSUID | mount.NOEXEC
_NAME = re.compile(r"view-[0-9a-z]{16}\Z")


def open_view(place: Place, view: str, origin: Origin, snapshot_id: str | None) -> str:
    """Ensure that it shows the snapshot, or, without one, the volume as it is now; its folder, or the raw device.

    WrongVolume or Damaged, with everything given back, when it does not carry the volume's identity.
    """
    twin = view_slice(view)
    close_view(place, view)
    try:
        _clone(place, twin, origin, snapshot_id)
        seam("volumes.view:after clone")
        encryption = _encryption(place, view, origin)
        if origin.fstype is FileSystemKind.RAW:
            with place.pool.opened(twin, persistent=True) as device:
                return encryption.open_device(device)
        target = view_point(place, view)
        with place.pool.opened(twin) as device:
            device = encryption.open_device(device)
            _check(origin, device)
            mount_checked(device, target, mount.RDONLY)
        seam("volumes.view:after mount")
        root = target / ROOT
        if not root.is_dir() or root.is_symlink():
            raise WrongVolume(f"the copy of volume {origin.volume_id} has no folder {ROOT}: Caddis did not make it")
        encryption.unlock(root)
        return str(root)
    except BaseException:
        close_view(place, view)
        raise


def close_view(place: Place, view: str) -> None:
    """Ensure that nothing of it is mounted, attached or on disk."""
    for name in (f"{view}-image", view):
        target = view_point(place, name)
        unmount_point(target, f"the view {name}")
        ensure_mapping_closed(name)
        twin = view_slice(view) if name == view else image_slice(view)
        place.pool.close_device(twin, patience=PATIENCE)
        place.pool.erase(twin)
        if target.exists():
            target.rmdir()


def sweep_views(place: Place) -> None:
    """Close every view: nobody looks through them any more. What cannot be closed yet goes the next time."""
    points = place.run / "views"
    found = {path.name for path in points.iterdir()} if points.exists() else set()
    found |= {name.removeprefix("scratch/") for name in place.pool.list_names("scratch", unfinished=True)}
    for view in sorted({name.removesuffix("-image") for name in found}):
        if _NAME.match(view):
            try:
                close_view(place, view)
            except Conflict as problem:  # somebody stands in it; that must not keep the host from serving
                note("a view is left", view=view, why=problem.message)


def view_slice(view: str) -> str:
    """The slice's name; Invalid for what cannot be a view's."""
    if not _NAME.match(view):
        raise Invalid(f"{view!r} cannot name a view", field="view")
    return f"scratch/{view}"


def image_slice(view: str) -> str:
    """Of an image that is made or taken apart for that view."""
    return f"{view_slice(view)}-image"


def view_point(place: Place, name: str) -> Path:
    """Where it is mounted."""
    return place.run / "views" / name


def mount_checked(device: str, target: Path, flags: int) -> None:
    """Mount an ext4 that nothing of may be run; Damaged when the kernel finds it to be so."""
    target.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        mount.mount(device, target, "ext4", flags=SAFE | flags)
    except OSError as refused:
        if refused.errno in (errno.EUCLEAN, errno.EINVAL, errno.EBADMSG):
            raise Damaged(f"the file system is damaged and was not mounted ({refused.strerror})") from None
        raise


def _clone(place: Place, twin: str, origin: Origin, snapshot_id: str | None) -> None:
    if snapshot_id is not None:
        source = snapshot_slice(snapshot_id)
        place.pool.twin(source, twin)
    else:
        source = volume_slice(origin.volume_id)
        place.pool.snapshot(source, twin, still=stillness(place, origin.volume_id))
    copy_header(place, origin, source, twin)


def _encryption(place: Place, view: str, origin: Origin) -> Encryption:
    if origin.encryption is EncryptionKind.NONE:
        return NoEncryption(origin.volume_id)
    if origin.wrapped_key is None:
        raise Damaged(f"volume {origin.volume_id} is encrypted, but its record holds no key")
    key = place.keys.unwrap(origin.wrapped_key, origin.volume_id)
    if origin.encryption is EncryptionKind.LUKS:
        return LuksEncryption(view, key, place.pool.sidecar(view_slice(view), LUKS_HEADER))
    return FscryptEncryption(origin.volume_id, key)


def _check(origin: Origin, device: str) -> None:
    fd = os.open(device, os.O_RDONLY | os.O_CLOEXEC)
    try:
        found = filesystem.read_ext4_identity(fd)
    finally:
        os.close(fd)
    if found != filesystem.Ext4Identity(filesystem_uuid(origin.volume_id), filesystem_label(origin.volume_id)):
        raise WrongVolume(
            f"what was to be read does not carry the identity of volume {origin.volume_id}: {found}",
            hint="an image was moved or replaced: look into the pool before anything else",
        )
