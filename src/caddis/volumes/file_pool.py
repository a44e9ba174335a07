"""The `file` kind of pool: a slice is an image file on XFS with reflink, seen through a loop device."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from caddis.domain.errors import Conflict, Damaged, NoCapacity
from caddis.domain.sizes import MIB, format_bytes
from caddis.kernel import libc, loop, mount
from caddis.kernel.command import run
from caddis.kernel.cp import copy_file
from caddis.kernel.durable import overwrite_and_unlink, sync_folder
from caddis.kernel.fiemap import Extent, list_extents
from caddis.kernel.reflink import clone
from caddis.volumes.instant import Stillness, clone_at_an_instant
from caddis.volumes.pool import reserve_bytes

KINDS = ("volumes", "snapshots", "scratch", "templates")
SIDECARS = (".json", ".luks")
_IMAGE = ".img"
_ZERO_RANGE = 0x10  # FALLOC_FL_ZERO_RANGE
_KEEP_SIZE = 0x01  # FALLOC_FL_KEEP_SIZE
_UNSHARE_RANGE = 0x40  # FALLOC_FL_UNSHARE_RANGE
_FILL_STEP = 256 * MIB
_UNMOUNT_PATIENCE = 3.0  # seconds
_FREEING_PATIENCE = 2.0


class FilePool:
    """`root` holds a folder for each kind of slice.

    `fixed_capacity`: bytes, of a pool that has its file system to itself; None for a folder that shares one, whose
    capacity is what is free now and what its slices already have. `mount_point`: what `close` has to unmount.
    """

    def __init__(self, root: Path, *, fixed_capacity: int | None, mount_point: Path | None) -> None:
        self.root = root
        self._fixed_capacity = fixed_capacity
        self._mount_point = mount_point

    def capacity_bytes(self) -> int:
        """Bytes that may be promised to slices together."""
        if self._fixed_capacity is not None:
            return self._fixed_capacity
        about = os.statvfs(self.root)
        ours = sum(self._image(name).stat().st_blocks * 512 for kind in KINDS for name in self.list_names(kind))
        return max(0, about.f_bavail * about.f_frsize + ours - reserve_bytes(about.f_blocks * about.f_frsize))

    def allocate(self, name: str, size_bytes: int) -> None:
        """Ensure a slice of that size, all allocated and on disk. NoCapacity, with nothing left, if it cannot be."""
        path = self._image(name)
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            about = os.fstat(fd)
            if about.st_size not in (0, size_bytes):
                raise Conflict(f"{name} exists with {about.st_size} bytes, not with the {size_bytes} asked for")
            missing = size_bytes - about.st_blocks * 512
            if about.st_size == 0 or missing > 0:
                self._check_room(name, missing)
                self._fill(fd, name, size_bytes)
            os.fsync(fd)
        except NoCapacity:
            if about.st_size == 0:  # XFS sets the size when all is allocated: nothing was ever in it
                os.unlink(path)
            raise
        finally:
            os.close(fd)
            sync_folder(path.parent)

    def extend(self, name: str, size_bytes: int) -> None:
        """Ensure that a slice is at least so large, all allocated and on disk; who uses its device sees it at once.

        NoCapacity, with the slice as it was, if it cannot be.
        """
        with self._open(name) as fd:
            size = os.fstat(fd).st_size
            if size < size_bytes:
                self._check_room(name, size_bytes - size)
                self._fill(fd, name, size_bytes)
            os.fsync(fd)
            loop.refresh_size(fd)

    def cut_back(self, name: str, size_bytes: int) -> None:
        """Undo `extend`, before anything was written to what it gave."""
        with self._open(name) as fd:
            os.truncate(fd, min(size_bytes, os.fstat(fd).st_size))
            os.fsync(fd)
            loop.refresh_size(fd)

    def twin(self, origin: str, name: str) -> None:
        """Make `name` a slice that shares the bytes of `origin` until they are changed; no space is promised to it."""
        with self._open(origin) as source:
            target = self._create(name)
            try:
                clone(source, target)
            finally:
                os.close(target)

    def snapshot(self, origin: str, name: str, *, still: Stillness | None) -> None:
        """Make `name`, once it is whole, what `origin` is at one instant; nothing is promised to it.

        `still` holds whoever writes; None when nobody can, or when all of it must be cloned in one step.
        """
        unfinished = f"{name}.new"
        with self._open(origin) as source:
            target = self._create(unfinished)
            try:
                clone_at_an_instant(source, target, still)
            finally:
                os.close(target)
        self.publish(unfinished, name)

    def promise(self, name: str) -> None:
        """Allocate what the slice lacks: sparse files shatter into extents.

        In a folder that shares its file system, others could take the space: there, nothing stays shared either.
        """
        with self._open(name) as fd:
            size = os.fstat(fd).st_size
            self._fill(fd, name, size)
            if self._fixed_capacity is None:
                self._check_room(name, size)
                self._fill(fd, name, size, _UNSHARE_RANGE)

    def extents(self, name: str) -> list[Extent]:
        """Where the written bytes of a slice lie."""
        with self._open(name) as fd:
            return list_extents(fd)

    def blank(self, name: str) -> None:
        """Make every byte of a slice read as zero, still allocated."""
        with self._open(name) as fd:
            libc.fallocate(fd, _ZERO_RANGE, 0, os.fstat(fd).st_size)

    def make_sparse(self, name: str, size_bytes: int) -> None:
        """Make `name` a new slice of zeros without space of its own, whatever it was before: for templates."""
        fd = self._create(name)
        try:
            os.ftruncate(fd, size_bytes)
        finally:
            os.close(fd)

    def publish(self, unfinished: str, name: str) -> None:
        """Rename a slice that is now whole, with its bytes on disk."""
        with self._open(unfinished) as fd:
            os.fsync(fd)
        os.rename(self._image(unfinished), self._image(name))
        sync_folder(self._image(name).parent)

    def clone(self, origin: str, name: str) -> None:
        """Make `name` a new slice with the bytes of `origin`, all allocated, whatever it was before. Not synced."""
        with self._open(origin) as source:
            size = os.fstat(source).st_size
            self._check_room(name, size)
            target = self._create(name)
            try:
                clone(source, target)
                self._fill(target, name, size)  # what the origin leaves as holes gets space of its own
            except NoCapacity:
                self._image(name).unlink()
                raise
            finally:
                os.close(target)

    def take_in(self, source: Path, name: str) -> None:
        """Make `name` a new slice with the bytes of a file from elsewhere. Not synced. NoCapacity when too large."""
        self._image(name).unlink(missing_ok=True)
        about = source.stat()
        self._check_room(name, about.st_blocks * 512)
        run(copy_file(str(source), str(self._image(name)), size_bytes=about.st_size))

    def has(self, name: str) -> bool:
        """Whether there is such a slice."""
        return self._image(name).exists()

    def size_of(self, name: str) -> int:
        """Bytes of a slice; Damaged when it is missing."""
        with self._open(name) as fd:
            return os.fstat(fd).st_size

    @contextmanager
    def opened(self, name: str, *, persistent: bool = False) -> Iterator[str]:
        """The path of the slice's loop device, attached if it is not yet."""
        with self._open(name) as fd, loop.attached(fd, autoclear=not persistent) as device:
            yield device

    def is_device_of(self, device: int, name: str) -> bool:
        """Whether the block device of that number shows this slice."""
        with self._open(name) as fd:
            return loop.backs(device, os.fstat(fd))

    def close_device(self, name: str, *, patience: float) -> bool:
        """Ensure that no device shows the slice; False if one was still in use after so many seconds."""
        if not self.has(name):
            return True
        with self._open(name) as fd:
            return mount.wait_until(lambda: _is_detached(fd), patience=patience)

    def sidecar(self, name: str, suffix: str) -> Path:
        """Where a small file about a slice is kept."""
        assert suffix in SIDECARS, suffix
        return self.root / f"{name}{suffix}"

    def file(self, name: str) -> Path:
        """The image, for who reads or fills a slice that is at rest."""
        return self._image(name)

    def list_names(self, kind: str, *, unfinished: bool = False) -> list[str]:
        """Names of the slices of a kind; with `unfinished`, also of those whose making was cut short."""
        names = {name.removesuffix(_IMAGE) for name in os.listdir(self.root / kind) if name.endswith(_IMAGE)}
        if unfinished:
            names = {name.removesuffix(".new") for name in names}
        return sorted(f"{kind}/{name}" for name in names if not name.endswith(".new"))

    def erase(self, name: str) -> None:
        """Ensure that the slice and its sidecars are gone. Sidecars may hold keys: they go first, overwritten."""
        removed = [overwrite_and_unlink(self.sidecar(name, suffix)) for suffix in SIDECARS]
        folder = self._image(name).parent
        if any(removed):
            sync_folder(folder)
        self._image(f"{name}.new").unlink(missing_ok=True)
        self._image(name).unlink(missing_ok=True)
        sync_folder(folder)

    def close(self) -> None:
        """Unmount; the loop device goes with it. Conflict when a slice is in use."""
        if self._mount_point is None:
            return
        if not mount.unmount(self._mount_point, patience=_UNMOUNT_PATIENCE):
            raise Conflict(f"the pool at {self._mount_point} is still in use", hint="caddis down stops all machines")
        if self._mount_point.exists():
            self._mount_point.rmdir()

    def _image(self, name: str) -> Path:
        return self.root / f"{name}{_IMAGE}"

    def _create(self, name: str) -> int:
        self._image(name).unlink(missing_ok=True)
        return os.open(self._image(name), os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)

    @contextmanager
    def _open(self, name: str) -> Iterator[int]:
        path = self._image(name)
        try:
            fd = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
        except FileNotFoundError:
            raise Damaged(f"the image {path} is missing from the pool") from None
        try:
            yield fd
        finally:
            os.close(fd)

    def _check_room(self, name: str, missing: int) -> None:
        """XFS gives the space of an erased slice back in the background: where it is short, that is waited for."""
        if not mount.wait_until(lambda: missing <= self._count_free(), patience=_FREEING_PATIENCE):
            raise _no_room(name, missing, self._count_free())

    def _count_free(self) -> int:
        """Half of the reserve stays free whatever happens: without it, writes to cloned blocks would fail."""
        about = os.statvfs(self.root)
        return about.f_bavail * about.f_frsize - reserve_bytes(about.f_blocks * about.f_frsize) // 2

    def _fill(self, fd: int, name: str, size_bytes: int, mode: int = 0) -> None:
        """Allocate what is missing, and set the size last: a slice is as large as it was, or has all of what it says.

        In small steps, because XFS wants as much free as a step is long, whatever of it is allocated already.
        """
        before = os.fstat(fd).st_size
        try:
            for offset in range(0, size_bytes, _FILL_STEP):
                libc.fallocate(fd, mode | _KEEP_SIZE, offset, min(_FILL_STEP, size_bytes - offset))
        except OSError as refused:
            os.ftruncate(fd, before)  # gives back what lies beyond
            if refused.errno in (errno.ENOSPC, errno.EFBIG):
                raise _no_room(name, size_bytes, 0) from None
            raise
        if before < size_bytes:
            os.ftruncate(fd, size_bytes)


def _no_room(name: str, wanted: int, free: int) -> NoCapacity:
    left = format_bytes(max(0, free // MIB * MIB))
    return NoCapacity(
        f"the pool has no room for {name}: {format_bytes(wanted)} wanted, {left} free",
        hint="destroy volumes that are not needed, or give the host a larger pool",
    )


def _is_detached(fd: int) -> bool:
    device = loop.find(fd)
    if device is None:
        return loop.lock(fd)
    try:
        loop.detach(device)  # where it is in use, the kernel does so when that ends
    finally:
        device.release()
    return False
