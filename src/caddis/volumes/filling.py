"""What is imported into a new volume: a tar, an ext4 image, or the bytes of a raw volume, compressed or not.

The stream says itself what it is. A tar goes into the volume as it comes; an image is gathered in the pool first,
because it must be whole and sound (`e2fsck -fn`) before anything of it is mounted, and is then copied file by file.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from itertools import chain

from caddis.domain.errors import Invalid
from caddis.domain.sizes import GIB, MIB, format_bytes, gb_to_bytes
from caddis.domain.volume import FileSystemKind, Volume
from caddis.kernel import filesystem, mount
from caddis.kernel.command import Failed, run
from caddis.kernel.tar import programs
from caddis.kernel.tar.unpack import Outcome
from caddis.kernel.zstd import decompress, is_zstd
from caddis.telemetry.log import note
from caddis.telemetry.seam import seam
from caddis.volumes.exporting import copy_files, sync
from caddis.volumes.mounting import mount_volume
from caddis.volumes.place import Place
from caddis.volumes.unmounting import unmount_volume
from caddis.volumes.viewing import close_view, image_slice, mount_checked, view_point

Read = Callable[[], bytes]  # the next part, b"" at the end
Room = Callable[[int], None]  # promises so many bytes of the pool to this import, or raises NoCapacity
_TAR_AT, _EXT4_AT, _KNOWN_AFTER = 257, 1080, 2048
_ROOM_STEP = 256 * MIB
_INODES_PER_GB = GIB // 16384  # see filesystem.make_ext4
_LARGEST_IMAGE = 16 << 40


def fill_volume(place: Place, volume: Volume, read: Read, room: Room) -> list[str]:
    """Put what `read` gives into the new, empty volume, on disk; what had to be left out of it, for people.

    Invalid when it was cut short or altered, is nothing that we know, or does not fit; the volume is then half full.
    """
    start, parts = _open(read)
    if volume.fstype is FileSystemKind.RAW:
        return _fill_raw(place, volume, parts)
    try:
        root = mount_volume(place, volume)
        if start[_EXT4_AT : _EXT4_AT + 2] == b"\x53\xef" and start[_TAR_AT : _TAR_AT + 5] != b"ustar":
            outcome = _fill_from_image(place, volume, parts, root, room=room)
        else:
            outcome = _fill_from_tar(parts, root, known=start[_TAR_AT : _TAR_AT + 5] == b"ustar")
        seam("volumes.fill:after copy")
        _check(volume, outcome)
        sync(root)
        return list(outcome.named)
    finally:
        unmount_volume(place, volume.id)


def gathering_view(volume_id: str) -> str:
    """The name under which an imported image is gathered."""
    return f"view-{volume_id.removeprefix('vol_')}"


def _open(read: Read) -> tuple[bytes, Iterator[bytes]]:
    """The beginning of what it holds, decompressed, and all of it from there."""
    head, rest = _gather(iter(read, b""), 4)
    if not head:
        raise Invalid("nothing can be imported: what was sent is empty")
    parts = chain([head], rest)
    if is_zstd(head):
        raw = parts
        parts = chain(decompress(lambda: next(raw, b"")))
    start, rest = _gather(parts, _KNOWN_AFTER)
    return start, chain([start], rest)


def _gather(parts: Iterator[bytes], count: int) -> tuple[bytes, Iterator[bytes]]:
    data = b""
    for part in parts:
        data += part
        if len(data) >= count:
            break
    return data, parts


def _fill_from_tar(parts: Iterator[bytes], root: str, *, known: bool) -> Outcome:
    with programs.unpacking(root) as program:
        for part in parts:
            if not program.write(part):
                break
        outcome = programs.outcome_of(program)
    if outcome.problem == "it is no tar archive" or (outcome.problem and not known and not outcome.files):
        raise Invalid(
            "what was sent is neither a tar nor an ext4 image, compressed with zstd or not",
            hint="send what fly volumes export made, a tar, or a folder",
        )
    return outcome


def _fill_from_image(place: Place, volume: Volume, parts: Iterator[bytes], root: str, *, room: Room) -> Outcome:
    view = gathering_view(volume.id)
    image, target = image_slice(view), view_point(place, f"{view}-image")
    try:
        start, parts = _gather(parts, _KNOWN_AFTER)
        size = filesystem.find_ext4_bytes(start)
        if not 0 < size <= _LARGEST_IMAGE:
            raise Invalid(f"the image was altered: its file system says that it has {size} bytes")
        place.pool.make_sparse(image, size)
        with place.pool.opened(image) as device:
            _gather_image(device, size, chain([start], parts), room)
            seam("volumes.fill:after gathering")
            _check_image(device)
            mount_checked(device, target, mount.RDONLY)
        _check_fits(volume, str(target), root)
        outcome = copy_files(str(target), root, devices=False)
        _drop_lost_and_found(root)
        return outcome
    finally:
        close_view(place, view)


def _gather_image(device: str, size: int, parts: Iterator[bytes], room: Room) -> None:
    """All of it, zeros left out: the slice has no space of its own, so what it takes is promised as it comes."""
    had = promised = at = 0
    fd = os.open(device, os.O_WRONLY | os.O_CLOEXEC)
    try:
        for part in parts:
            wanted = part[: max(0, size - at)]  # what lies beyond is not the file system's
            if wanted.count(0) != len(wanted):
                had += len(wanted)
                if had > promised:
                    promised += _ROOM_STEP
                    room(promised)
                os.pwrite(fd, wanted, at)
            at += len(part)
        if at < size:
            raise Invalid(
                f"the image was cut short: its file system has {format_bytes(size)}, and {format_bytes(at)} came"
            )
        os.fsync(fd)
    finally:
        os.close(fd)


def _check_image(device: str) -> None:
    try:
        run(filesystem.look_at_ext4(device))
    except Failed as failed:
        if failed.overdue:
            raise
        raise Invalid(
            "the image was cut short or altered: e2fsck finds errors in its file system",
            hint="look with: e2fsck -fn IMAGE (an image of a mounted file system is not whole either)",
        ) from None


def _check_fits(volume: Volume, source: str, root: str) -> None:
    about, here = os.statvfs(source), os.statvfs(root)
    used, inodes = (about.f_blocks - about.f_bfree) * about.f_frsize, about.f_files - about.f_ffree
    if used > here.f_bavail * here.f_frsize or inodes > here.f_ffree + 16:
        _refuse_too_small(volume, used, inodes)


def _check(volume: Volume, outcome: Outcome) -> None:
    if outcome.problem:
        raise Invalid(f"what was to be imported cannot be taken: {outcome.problem}")
    if outcome.full:
        _refuse_too_small(volume, outcome.bytes, outcome.inodes)
    if outcome.left_out:
        note("left out of an import", volume=volume.id, count=outcome.left_out, first=outcome.named[0])


def _refuse_too_small(volume: Volume, used: int, inodes: int) -> None:
    needed = used + used // 25 + 64 * MIB  # what the file system keeps for itself
    size_gb = max(-(-needed // GIB), -(-(inodes + 16) // _INODES_PER_GB), volume.size_gb + 1)
    raise Invalid(
        f"a volume of {volume.size_gb} GB is too small: it takes {size_gb} GB"
        f" for {inodes} files of {format_bytes(used)}",
        hint=f"add --size {size_gb}",
        field="size_gb",
    )


def _drop_lost_and_found(root: str) -> None:
    """Of the image's own file system; with something in it, it stays."""
    about = os.stat(root)
    try:
        os.rmdir(f"{root}/lost+found")
    except OSError:
        return
    os.utime(root, ns=(about.st_atime_ns, about.st_mtime_ns))


def _fill_raw(place: Place, volume: Volume, parts: Iterator[bytes]) -> list[str]:
    had, size = 0, gb_to_bytes(volume.size_gb)
    try:
        device = os.open(mount_volume(place, volume), os.O_WRONLY | os.O_CLOEXEC)
        try:
            for part in parts:
                if had + len(part) <= size:
                    os.pwrite(device, part, had)
                had += len(part)
            os.fsync(device)
        finally:
            os.close(device)
    finally:
        unmount_volume(place, volume.id)
    if had > size:
        size_gb = -(-had // GIB)
        raise Invalid(
            f"a raw volume of {volume.size_gb} GB is too small: {format_bytes(had)} came, which take {size_gb} GB",
            hint=f"add --size {size_gb}",
            field="size_gb",
        )
    return []
