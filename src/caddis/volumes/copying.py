"""New volumes from the bytes of another volume or of a snapshot: forks and restores on the same host.

The copy is made under another name and gets the new volume's identity there, so that nobody ever sees a volume that
carries another's (promise P2). Its blocks are shared until they are written to; its whole size is promised.
"""

from __future__ import annotations

import os
from pathlib import Path

from caddis.domain.errors import WrongVolume
from caddis.domain.ids import filesystem_label, filesystem_uuid
from caddis.domain.sizes import gb_to_bytes
from caddis.domain.snapshot import Origin
from caddis.domain.volume import EncryptionKind, FileSystemKind, Volume
from caddis.kernel import filesystem, luks
from caddis.kernel.command import run
from caddis.telemetry.seam import seam
from caddis.volumes.encryption import LUKS_HEADER, encryption_of, ensure_mapping_closed
from caddis.volumes.place import Place, snapshot_slice, unfinished_slice, volume_slice
from caddis.volumes.snapshotting import copy_header, stillness
from caddis.volumes.unmounting import PATIENCE


def copy_volume(place: Place, volume: Volume, origin: Origin, snapshot_id: str | None) -> None:
    """Ensure that `volume` is a copy of the snapshot, or, without one, of the origin as it is at one instant.

    NoCapacity, WrongVolume or Damaged, with nothing of it visible.
    """
    name, unfinished = volume_slice(volume.id), unfinished_slice(volume.id)
    if place.pool.has(name):
        return
    source = snapshot_slice(snapshot_id) if snapshot_id else volume_slice(origin.volume_id)
    still = None if snapshot_id else stillness(place, origin.volume_id)
    ensure_mapping_closed(volume.id)  # of a copy that died here
    place.pool.close_device(unfinished, patience=PATIENCE)
    copy_header(place, origin, source, name)
    place.pool.snapshot(source, unfinished, still=still)
    seam("volumes.copy:after clone")
    finish_copy(place, volume, origin.volume_id)


def begin_copy(place: Place, volume: Volume, image_bytes: int) -> dict[str, Path] | None:
    """Ensure the files of a volume in the making, for who fills them: `image`, and of LUKS `header`.

    None when the volume is whole already. What an earlier call made keeps the bytes that it got since.
    """
    name, unfinished = volume_slice(volume.id), unfinished_slice(volume.id)
    if place.pool.has(name):
        return None
    ensure_mapping_closed(volume.id)
    place.pool.close_device(unfinished, patience=PATIENCE)
    if not place.pool.has(unfinished) or place.pool.size_of(unfinished) < image_bytes:
        place.pool.allocate(unfinished, image_bytes)
    files = {"image": place.pool.file(unfinished)}
    if volume.encryption is EncryptionKind.LUKS:
        files["header"] = place.pool.sidecar(name, LUKS_HEADER)
        files["header"].touch(mode=0o600)
        os.truncate(files["header"], luks.HEADER_BYTES)
    return files


def finish_copy(place: Place, volume: Volume, origin_id: str) -> None:
    """Give the unfinished slice its size and the new volume's identity, and make it the volume."""
    unfinished = unfinished_slice(volume.id)
    if place.pool.has(volume_slice(volume.id)):
        return
    place.pool.extend(unfinished, gb_to_bytes(volume.size_gb))
    place.pool.promise(unfinished)
    if volume.fstype is FileSystemKind.EXT4:
        try:
            with place.pool.opened(unfinished) as slice_device:
                device = encryption_of(place, volume).open_device(slice_device)
                _adopt_identity(device, origin_id, volume.id)
        finally:
            if volume.encryption is EncryptionKind.LUKS:
                ensure_mapping_closed(volume.id)
            place.pool.close_device(unfinished, patience=PATIENCE)
    seam("volumes.copy:after identity")
    place.pool.publish(unfinished, volume_slice(volume.id))
    seam("volumes.copy:after publish")


def _adopt_identity(device: str, origin_id: str, volume_id: str) -> None:
    """Make a file system that carries the origin's identity carry the volume's. Doing it again changes nothing."""
    found = _read_identity(device)
    mine = filesystem.Ext4Identity(filesystem_uuid(volume_id), filesystem_label(volume_id))
    if found == mine:
        return
    if found != filesystem.Ext4Identity(filesystem_uuid(origin_id), filesystem_label(origin_id)):
        raise WrongVolume(f"what was to be copied does not carry the identity of volume {origin_id}: {found}")
    run(filesystem.replay_ext4(device), accept=(0, 1))
    run(filesystem.rename_ext4(device, uuid=mine.uuid, label=mine.label))


def _read_identity(device: str) -> filesystem.Ext4Identity | None:
    fd = os.open(device, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return filesystem.read_ext4_identity(fd)
    finally:
        os.close(fd)
