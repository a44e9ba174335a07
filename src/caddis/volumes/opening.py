"""Opening a host's pool, and making it the first time.

A pool is whole when its marker can be read: that is written last. What a crash left half-made is made again, under a
temporary name, so that nobody ever opens a half-made pool.
"""

from __future__ import annotations

import errno
import json
import os
import stat
import tempfile
import uuid
from dataclasses import asdict, dataclass
from pathlib import Path

from caddis.domain.errors import Conflict, Damaged, Invalid, Missing, NoCapacity, Problem
from caddis.domain.sizes import MIB, format_bytes
from caddis.kernel import filesystem, libc, loop, mount, reflink, xfs
from caddis.kernel.command import run
from caddis.kernel.durable import sync_folder, write_whole
from caddis.telemetry.log import note
from caddis.telemetry.seam import seam
from caddis.volumes.file_pool import KINDS, FilePool
from caddis.volumes.pool import SMALLEST_POOL, PoolChoice, default_pool_size, reserve_bytes

LABEL = "caddis-pool"
MARKER = "caddis-pool.json"
FORMAT = 1
_FLAGS = mount.NODEV | mount.NOSUID | mount.NOEXEC
_PATIENCE = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Marker:
    """What a pool says of itself. `capacity_bytes` None: a folder that shares its file system."""

    uuid: str
    host: str
    capacity_bytes: int | None
    format: int = FORMAT


def open_pool(choice: PoolChoice, *, host: str, data: Path, run_folder: Path) -> FilePool:
    """The pool of `host`, made if there is none, mounted if it is not.

    `data` is the host's data folder, `run_folder` where it mounts. Invalid, plainly, for what cannot be a pool.
    """
    if choice.where is None:
        return _open_image(choice, host, data, run_folder / "pool")
    try:
        kind = os.stat(choice.where).st_mode
    except FileNotFoundError:
        raise Invalid(f"there is no {choice.where} to make a pool of", field="pool") from None
    if stat.S_ISBLK(kind):
        return _open_device(choice.where, choice, host, run_folder / "pool")
    if stat.S_ISDIR(kind):
        if choice.block_size is not None:
            raise Invalid(
                "a pool in a folder has the blocks of the file system that the folder is on",
                hint="leave --pool-block-size out",
                field="pool_block_size",
            )
        return _open_folder(choice.where, host)
    raise Invalid(f"{choice.where} cannot be a pool: give a block device or a folder on XFS", field="pool")


def _open_image(choice: PoolChoice, host: str, data: Path, target: Path) -> FilePool:
    image = data / "pool.img"
    if mount.is_mount_point(target):
        if not image.exists() or not loop.backs(os.stat(target).st_dev, os.stat(image)):
            raise Conflict(f"something else than {image} is mounted on {target}", hint=f"umount {target}")
        return _whole(target, host, target)
    if not image.exists():
        _make_image(image, choice, host, target.with_name("pool.new"))
    _mount_image(image, target)
    seam("pool.open:after mount")
    return _whole(target, host, target)


def _make_image(image: Path, choice: PoolChoice, host: str, workplace: Path) -> None:
    """Make the pool under another name and rename it when it is whole."""
    unfinished = image.with_name("pool.img.new")
    if not mount.unmount(workplace, patience=_PATIENCE):  # of a creation that died
        raise Conflict(f"{workplace} is in use", hint=f"umount {workplace}")
    unfinished.unlink(missing_ok=True)
    about = os.statvfs(image.parent)
    size = choice.size_bytes or default_pool_size(about.f_bavail * about.f_frsize)
    if size < SMALLEST_POOL:
        raise Invalid(
            f"a pool of {format_bytes(size)} is too small: it takes at least {format_bytes(SMALLEST_POOL)}",
            hint="caddis up --pool-size 20G, or --data on a disk with more room",
            field="pool_size",
        )
    note("making a pool", image=str(image), bytes=size)
    try:
        _allocate_image(unfinished, size)
        seam("pool.create:after allocate")
        _fill_image(unfinished, host, workplace, choice.block_size or xfs.DEFAULT_BLOCK_SIZE)
        os.rename(unfinished, image)
        seam("pool.create:after rename")
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise
    finally:
        if workplace.exists():
            workplace.rmdir()
        sync_folder(image.parent)


def _allocate_image(path: Path, size: int) -> None:
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        libc.fallocate(fd, 0, 0, size)
        os.fsync(fd)
    except OSError as refused:
        if refused.errno in (errno.ENOSPC, errno.EFBIG):
            raise NoCapacity(
                f"there is no room for a pool of {format_bytes(size)} in {path.parent}",
                hint="choose a smaller one, such as --pool-size 5G, or put --data on a larger disk",
            ) from None
        if refused.errno == errno.EOPNOTSUPP:
            raise Missing(
                f"the file system of {path.parent} cannot set space aside (fallocate), so it could not keep a promise",
                hint="put --data on ext4 or XFS",
            ) from None
        raise
    finally:
        os.close(fd)


def _fill_image(unfinished: Path, host: str, workplace: Path, block_size: int) -> None:
    identity = str(uuid.uuid4())
    fd = os.open(unfinished, os.O_RDWR | os.O_CLOEXEC)
    try:
        with loop.attached(fd, autoclear=True) as device:
            seam("pool.create:after attach")
            run(xfs.make_xfs(device, uuid=identity, label=LABEL, block_size=block_size))
            seam("pool.create:after mkfs")
            workplace.mkdir(parents=True, exist_ok=True)
            _mount_xfs(device, workplace)
            seam("pool.create:after mount")
        try:
            _furnish(workplace, host, identity)
            seam("pool.create:after furnish")
        finally:
            if not mount.unmount(workplace, patience=_PATIENCE):
                raise Conflict(f"{workplace} is in use")
        os.fsync(fd)
    finally:
        os.close(fd)


def _mount_image(image: Path, target: Path) -> None:
    target.mkdir(parents=True, exist_ok=True)
    fd = os.open(image, os.O_RDWR | os.O_CLOEXEC)
    try:
        with loop.attached(fd, autoclear=True) as device:
            seam("pool.open:after attach")
            _mount_xfs(device, target)
    finally:
        os.close(fd)


def _open_device(device: Path, choice: PoolChoice, host: str, target: Path) -> FilePool:
    if mount.is_mount_point(target):
        if os.stat(target).st_dev != os.stat(device).st_rdev:
            raise Conflict(f"something else than {device} is mounted on {target}", hint=f"umount {target}")
        return _whole(target, host, target)
    if not _holds_pool(device):
        if not choice.format_device:
            raise Invalid(
                f"{device} holds no Caddis pool, and making one would erase what is on it",
                hint=f"to erase it for good: caddis up --pool {device} --format-pool",
                field="pool",
            )
        _format_device(device, choice.block_size or xfs.DEFAULT_BLOCK_SIZE, target.with_name("pool.try"))
    target.mkdir(parents=True, exist_ok=True)
    _mount_xfs(str(device), target)
    try:
        if not (target / MARKER).exists() and not (target / "volumes").exists():
            # Ours by its label, and without anything in it: its making was cut short after mkfs.
            _furnish(target, host, str(uuid.uuid4()))
        return _whole(target, host, target)
    except BaseException:
        mount.unmount(target, patience=_PATIENCE)
        raise


def _holds_pool(device: Path) -> bool:
    fd = os.open(device, os.O_RDONLY | os.O_CLOEXEC)
    try:
        identity = xfs.read_identity(fd)
    finally:
        os.close(fd)
    return identity is not None and identity.label == LABEL


def _format_device(device: Path, block_size: int, workplace: Path) -> None:
    try:  # O_EXCL: refused while the device is mounted, part of a RAID or otherwise in use
        fd = os.open(device, os.O_RDWR | os.O_EXCL | os.O_CLOEXEC)
    except OSError as refused:
        if refused.errno == errno.EBUSY:
            raise Conflict(
                f"{device} is in use and was not touched", hint=f"findmnt {device}; lsblk {device}"
            ) from None
        raise
    try:
        size = os.lseek(fd, 0, os.SEEK_END)
        if size < SMALLEST_POOL:
            raise Invalid(
                f"{device} has {format_bytes(size)}: a pool takes at least {format_bytes(SMALLEST_POOL)}", field="pool"
            )
    finally:
        os.close(fd)
    if block_size > os.sysconf("SC_PAGE_SIZE"):
        _try_blocks(block_size, workplace)  # before the device loses what is on it
    run(xfs.make_xfs(str(device), uuid=str(uuid.uuid4()), label=LABEL, block_size=block_size))
    seam("pool.create:after mkfs")


def _try_blocks(block_size: int, workplace: Path) -> None:
    """Missing when this kernel cannot mount an XFS with such blocks, found by trying with a file that goes again."""
    workplace.mkdir(parents=True, exist_ok=True)
    try:
        with tempfile.TemporaryFile(dir=workplace.parent) as file:
            file.truncate(xfs.SMALLEST_BYTES)
            with loop.attached(file.fileno(), autoclear=True) as device:
                run(xfs.make_xfs(device, uuid=str(uuid.uuid4()), label=LABEL, block_size=block_size))
                _mount_xfs(device, workplace)
            mount.unmount(workplace, patience=_PATIENCE)
    finally:
        workplace.rmdir()


def _mount_xfs(device: str, target: Path) -> None:
    try:
        mount.mount(device, target, "xfs", flags=_FLAGS)
    except OSError as refused:
        if refused.errno == errno.ENODEV:
            raise Missing("this kernel has no XFS", hint="modprobe xfs; apt-get install linux-image-amd64") from None
        if xfs.says_blocks_too_large(refused):
            raise Missing(
                "this kernel cannot mount a pool with blocks of 64 KiB",
                hint="leave --pool-block-size out for a new pool, or boot Linux 6.12 or newer",
            ) from None
        if refused.errno in (errno.EUCLEAN, errno.EINVAL):
            raise Damaged(
                f"the file system of the pool on {device} is damaged and was not mounted",
                hint=f"xfs_repair -n {device}",
            ) from None
        raise


def _open_folder(folder: Path, host: str) -> FilePool:
    magic = filesystem.find_magic(folder)
    if magic != xfs.STATFS_MAGIC or not reflink.can_clone(folder):
        raise Invalid(
            _why_not(folder, filesystem.name_of(magic)), hint="leave --pool out: an image file is made", field="pool"
        )
    root = folder / "caddis" / host
    root.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not (root / MARKER).exists():
        _furnish(root, host, str(uuid.uuid4()), shared=True)
        sync_folder(folder)
        sync_folder(folder / "caddis")
    return _whole(root, host, None)


def _why_not(folder: Path, name: str) -> str:
    match name:
        case "xfs":
            return f"{folder} is on an XFS made without reflink, so volumes in it could have no snapshots"
        case "btrfs":
            return f"{folder} is on btrfs, which makes synchronous writes three times as slow"
        case _:
            return f"{folder} is on {name}, which cannot clone files, so volumes in it could have no snapshots"


def _furnish(root: Path, host: str, identity: str, *, shared: bool = False) -> None:
    """Put folders and then the marker into a new pool, on disk."""
    os.chmod(root, 0o700)
    for kind in KINDS:
        (root / kind).mkdir(mode=0o700, exist_ok=True)
    about = os.statvfs(root)
    usable = about.f_bavail * about.f_frsize - reserve_bytes(about.f_blocks * about.f_frsize)
    capacity = None if shared else usable // MIB * MIB
    marker = Marker(uuid=identity, host=host, capacity_bytes=capacity)
    write_whole(root / MARKER, json.dumps(asdict(marker), indent=1).encode())


def _whole(root: Path, host: str, mount_point: Path | None) -> FilePool:
    """The pool in `root`, by its marker; Damaged without one, Conflict when it is another host's."""
    try:
        marker = Marker(**json.loads((root / MARKER).read_bytes()))
    except FileNotFoundError:
        raise Damaged(f"{root} is not a whole Caddis pool: it has no {MARKER}") from None
    except (ValueError, TypeError):
        raise Damaged(f"the marker {root / MARKER} of the pool cannot be read") from None
    if marker.format != FORMAT:
        raise Problem(f"the pool at {root} has format {marker.format!r}; this program knows {FORMAT}")
    if marker.host != host:
        raise Conflict(
            f"the pool at {root} belongs to host {marker.host}, not to {host}", hint="give each host a pool of its own"
        )
    for kind in KINDS:  # a pool of an older program may lack some
        (root / kind).mkdir(mode=0o700, exist_ok=True)
    return FilePool(root, fixed_capacity=marker.capacity_bytes, mount_point=mount_point)
