"""The files of a running machine, its volumes' too, by their paths inside: what is there, reading, and new ones.

Everything is resolved below the machine's own root (kernel/openat2.py): a link of the guest's leads where it leads
inside, and never out.
"""

from __future__ import annotations

import errno
import os
import posixpath
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from caddis.domain.errors import Conflict, Invalid, NoCapacity, NotFound, Problem
from caddis.domain.files import FileInfo, Listing
from caddis.kernel.listing import content_of, file_info, kind_of, list_entries, shown
from caddis.kernel.openat2 import open_file_in_root, open_in_root, stat_in_root
from caddis.kernel.tar import programs

_ENDLESS = ("/proc", "/sys")  # they are gone through only when asked for by name
_KERNELS_OWN = (*_ENDLESS, "/dev")


def list_folder(root: int, path: bytes) -> Listing:
    """What the folder holds, or the one file; NotFound. `root` is a descriptor of the machine's root."""
    fd = _open(root, path, os.O_PATH)
    try:
        return list_entries(fd, path.rstrip(b"/").rpartition(b"/")[2])
    finally:
        os.close(fd)


def read_file(root: int, path: bytes) -> tuple[FileInfo, Iterator[bytes]]:
    """What the file is, and its content; NotFound, or Conflict when it is no file."""
    with _plainly(path):
        fd, about = open_file_in_root(root, _inside(path))
    if fd < 0:
        kind = kind_of(about)
        hint = "fly sftp get -R gets a folder with all that is in it" if kind == "directory" else None
        raise Conflict(f"{shown(path)} is a {kind}, not a file", hint=hint)
    return file_info(path.rpartition(b"/")[2], about), content_of(fd)


def pack_folder(root: int, path: bytes) -> Iterator[bytes]:
    """A folder as a tar; NotFound, or Conflict when it is no folder."""
    fd = _open(root, path, os.O_PATH)
    try:
        about, top = os.fstat(fd), os.stat(".", dir_fd=root)
        if not stat.S_ISDIR(about.st_mode):
            raise Conflict(f"{shown(path)} is not a folder")
        # what is in there is endless or no file at all, and a node that the machine makes in /dev can be opened
        own = [found.st_dev for name in _KERNELS_OWN if (found := stat_in_root(root, name))]
        if about.st_dev in own or (about.st_dev, about.st_ino) == (top.st_dev, top.st_ino):
            raise Conflict(f"{shown(path)} holds more than files: name a folder in it, or another one")
    except BaseException:
        os.close(fd)
        raise
    return _closing(fd, programs.pack(f"/proc/{os.getpid()}/fd/{fd}", locked=True))


def list_names(root: int, path: bytes) -> Iterator[bytes]:
    """Path by path, each ended by a zero byte, the folder itself first; links are named and not followed."""
    top = b"/" + path.strip(b"/")
    os.close(_open(root, top, os.O_PATH))
    return _names(root, top)


def _names(root: int, top: bytes) -> Iterator[bytes]:
    waiting = [top]
    while waiting:
        here = waiting.pop()
        parts = [here + b"\0"]
        follow = 0 if here == top else os.O_NOFOLLOW
        # what vanishes, is no folder any more, or lies too deep to be named, is passed over
        with suppress(OSError), _opened(root, here, os.O_RDONLY | os.O_DIRECTORY | follow) as folder:
            with os.scandir(folder) as entries:
                found = sorted((os.fsencode(entry.name), entry.is_dir(follow_symlinks=False)) for entry in entries)
            below = [(here.rstrip(b"/") + b"/" + name, is_folder) for name, is_folder in found]
            parts += [name + b"\0" for name, is_folder in below if not is_folder]
            waiting += [name for name, is_folder in reversed(below) if is_folder and os.fsdecode(name) not in _ENDLESS]
        yield b"".join(parts)


@contextmanager
def _opened(root: int, path: bytes, flags: int) -> Iterator[int]:
    fd = open_in_root(root, os.fsdecode(path), flags)
    try:
        yield fd
    finally:
        os.close(fd)


class NewFile:
    """A file in the making, without a name until `finish`: whatever happens before leaves nothing of it."""

    def __init__(self, root: int, path: bytes, *, mode: int, owner: tuple[int, int]) -> None:
        folder, name = posixpath.split(b"/" + path.lstrip(b"/"))
        if name in (b"", b".", b".."):
            raise Invalid(f"{shown(path)} is not the path of a file", field="path")
        self._path, self._name = path, name
        self._folder = _open(root, folder, os.O_RDONLY | os.O_DIRECTORY)
        self._fd = -1
        try:
            self._check_free()
            self._fd = os.open(".", os.O_TMPFILE | os.O_WRONLY | os.O_CLOEXEC, 0o600, dir_fd=self._folder)
            os.fchown(self._fd, *owner)
            os.fchmod(self._fd, mode)
        except OSError as refused:
            self.close()
            raise _cannot_write(path, refused) from None
        except BaseException:
            self.close()
            raise

    def _check_free(self) -> None:
        try:
            about = os.lstat(self._name, dir_fd=self._folder)
        except FileNotFoundError:
            return
        if stat.S_ISDIR(about.st_mode):
            where = shown(self._path)
            raise Conflict(f"{where} is a folder", hint=f"say how the file is to be called in it: {where}/NAME")
        raise _is_there(self._path)

    def write(self, data: bytes) -> None:
        """The next bytes; NoCapacity when the file system is full."""
        rest = memoryview(data)
        try:
            while rest:
                rest = rest[os.write(self._fd, rest) :]
        except OSError as refused:
            raise _cannot_write(self._path, refused) from None

    def finish(self) -> None:
        """It is there now, and on disk. Conflict when its name was taken meanwhile."""
        try:
            os.fsync(self._fd)
            os.link(f"/proc/self/fd/{self._fd}", self._name, dst_dir_fd=self._folder, follow_symlinks=True)
            os.fsync(self._folder)
        except FileExistsError:
            raise _is_there(self._path) from None
        except OSError as refused:
            raise _cannot_write(self._path, refused) from None

    def close(self) -> None:
        """Give everything back; what is not finished is gone."""
        for fd in (self._fd, self._folder):
            if fd >= 0:
                os.close(fd)
        self._fd = self._folder = -1


def _is_there(path: bytes) -> Conflict:
    return Conflict(
        f"{shown(path)} exists already in the machine and was not touched",
        hint=f"choose another name, or delete it first: fly ssh console -C 'rm {shown(path)}'",
    )


def _cannot_write(path: bytes, refused: OSError) -> Problem:
    if refused.errno in (errno.ENOSPC, errno.EDQUOT):
        return NoCapacity(f"{shown(path)} does not fit: the file system is full, and nothing of it is there")
    return Conflict(f"{shown(path)} cannot be written: {(refused.strerror or str(refused)).lower()}")


def _open(root: int, path: bytes, flags: int) -> int:
    with _plainly(path):
        return open_in_root(root, _inside(path), flags)


def _inside(path: bytes) -> str:
    if b"\0" in path:
        raise Invalid("a path has no zero bytes in it", field="path")
    return os.fsdecode(path.strip(b"/") or b".")


@contextmanager
def _plainly(path: bytes) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError:
        raise NotFound(f"there is no {shown(path)} in the machine") from None
    except OSError as refused:
        raise Conflict(f"{shown(path)} cannot be read: {(refused.strerror or str(refused)).lower()}") from None


def _closing(fd: int, parts: Iterator[bytes]) -> Iterator[bytes]:
    try:
        yield from parts
    finally:
        os.close(fd)
