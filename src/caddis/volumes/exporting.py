"""A view's files on their way out: as a tar, or as an ext4 image that any Linux mounts without our keys.

What is sent is whole when its zstd stream has ended: whatever goes wrong before breaks the stream off.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import closing

from caddis.domain.errors import Damaged, Problem
from caddis.domain.files import ExportFormat
from caddis.domain.sizes import MIB, gb_to_bytes
from caddis.domain.snapshot import Origin
from caddis.domain.volume import FileSystemKind
from caddis.kernel import filesystem, libc
from caddis.kernel.command import run
from caddis.kernel.tar import programs
from caddis.kernel.tar.unpack import Outcome
from caddis.kernel.zstd import compress
from caddis.telemetry.seam import seam
from caddis.volumes.place import Place
from caddis.volumes.reading import folder_path
from caddis.volumes.unmounting import PATIENCE, unmount_point
from caddis.volumes.viewing import image_slice, mount_checked, view_point

_STEP = 1 << 20
_LABEL_BYTES = 16


def pack_folder(root: str, path: bytes) -> Iterator[bytes]:
    """A folder of a view as a tar."""
    fd, shown = folder_path(root, path)
    return _closing(fd, programs.pack(shown))


def _closing(fd: int, parts: Iterator[bytes]) -> Iterator[bytes]:
    try:
        yield from parts
    finally:
        os.close(fd)


def export(place: Place, view: str, origin: Origin, root: str, *, format: ExportFormat) -> Iterator[bytes]:
    """All that the open view shows, compressed; `root` is what `open_view` gave."""
    if origin.fstype is FileSystemKind.RAW:
        return compress(_bytes(root))
    if format is ExportFormat.TAR:
        return compress(programs.pack(root))
    make_image(place, view, origin, root)
    return compress(_slice_bytes(place, image_slice(view)))


def image_bytes(origin: Origin) -> int:
    """How large the image is: as the volume, and a little, because its own book-keeping may take more."""
    return gb_to_bytes(origin.size_gb) + (gb_to_bytes(origin.size_gb) // 64 // MIB + 64) * MIB


def make_image(place: Place, view: str, origin: Origin, root: str) -> None:
    """An ext4 image beside the view, sparse, holding the files below `root`."""
    image, target = image_slice(view), view_point(place, f"{view}-image")
    place.pool.make_sparse(image, image_bytes(origin))
    with place.pool.opened(image) as device:
        run(filesystem.make_ext4(device, label=origin.volume_id.removeprefix("vol_")[:_LABEL_BYTES]))
        mount_checked(device, target, 0)
    seam("volumes.export:after mount")
    outcome = copy_files(root, str(target), devices=True)
    if outcome.problem or outcome.full:
        raise Problem(f"the image could not be made: {outcome.problem or 'its files do not fit into it'}")
    sync(str(target))
    unmount_point(target, "the image that is made")
    place.pool.close_device(image, patience=PATIENCE)


def copy_files(source: str, target: str, *, devices: bool) -> Outcome:
    """Everything below one folder into another, which is empty."""
    with programs.unpacking(target, devices=devices) as program, closing(programs.pack(source)) as parts:
        for part in parts:
            if not program.write(part):
                break
        return programs.outcome_of(program)


def sync(folder: str) -> None:
    """All of that file system is on disk."""
    fd = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        libc.syncfs(fd)
    finally:
        os.close(fd)


def _slice_bytes(place: Place, name: str) -> Iterator[bytes]:
    """Only what was ever written is read; the rest is zeros, and most of an image."""
    written = {
        block
        for extent in place.pool.extents(name)
        for block in range(extent.logical // _STEP, -(-(extent.logical + extent.length) // _STEP))
    }
    size, zeros = place.pool.size_of(name), bytes(_STEP)
    with place.pool.opened(name) as device:
        fd = os.open(device, os.O_RDONLY | os.O_CLOEXEC)
        try:
            for block in range(-(-size // _STEP)):
                length = min(_STEP, size - block * _STEP)
                yield _read(fd, block * _STEP, length) if block in written else zeros[:length]
        finally:
            os.close(fd)


def _read(fd: int, offset: int, length: int) -> bytes:
    data = bytearray()
    while len(data) < length:
        part = os.pread(fd, length - len(data), offset + len(data))
        if not part:
            raise Damaged("the image that was made ends before its end")
        data += part
    return bytes(data)


def _bytes(device: str) -> Iterator[bytes]:
    fd = os.open(device, os.O_RDONLY | os.O_CLOEXEC)
    try:
        while data := os.read(fd, _STEP):
            yield data
    except OSError as refused:
        if refused.errno == errno.EIO:
            raise Damaged("the disk cannot read what was to be exported") from None
        raise
    finally:
        os.close(fd)
