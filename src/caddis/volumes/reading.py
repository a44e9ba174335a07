"""Files of a view by their path. Links and `..` lead wherever they lead inside of it, and never out of it."""

from __future__ import annotations

import heapq
import os
import stat
from collections.abc import Iterator

from caddis.domain.errors import Conflict, Invalid, NotFound, Problem
from caddis.domain.files import FileInfo, Listing
from caddis.kernel.openat2 import open_folder, open_in_root

MOST_ENTRIES = 10_000
_STEP = 1 << 20
_TYPES = {
    stat.S_IFREG: "file",
    stat.S_IFDIR: "directory",
    stat.S_IFLNK: "symlink",
    stat.S_IFIFO: "pipe",
    stat.S_IFSOCK: "socket",
    stat.S_IFCHR: "character device",
    stat.S_IFBLK: "block device",
}


def list_folder(root: str, path: bytes) -> Listing:
    """What the folder holds, or the one file; NotFound."""
    fd = _open(root, path, os.O_PATH)
    try:
        about = os.fstat(fd)
        if not stat.S_ISDIR(about.st_mode):
            return Listing(False, (_info(path.rstrip(b"/").rpartition(b"/")[2], about),))
        folder = os.open(".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=fd)
        try:
            with os.scandir(folder) as entries:  # the smallest names, in bounded memory
                names = heapq.nsmallest(MOST_ENTRIES + 1, (os.fsencode(entry.name) for entry in entries))
            return Listing(
                True, tuple(_entry(folder, name) for name in names[:MOST_ENTRIES]), len(names) > MOST_ENTRIES
            )
        finally:
            os.close(folder)
    finally:
        os.close(fd)


def read_file(root: str, path: bytes) -> tuple[FileInfo, Iterator[bytes]]:
    """What the file is, and its content; NotFound, or Conflict when it is no file."""
    fd = _open(root, path, os.O_RDONLY | os.O_NONBLOCK)
    about = os.fstat(fd)
    if not stat.S_ISREG(about.st_mode):
        os.close(fd)
        kind = _TYPES[stat.S_IFMT(about.st_mode)]
        raise Conflict(f"{_shown(path)} is a {kind}, not a file", hint="fly volumes snapshots ls shows what is there")
    return _info(path.rpartition(b"/")[2], about), _content(fd)


def folder_path(root: str, path: bytes) -> tuple[int, str]:
    """A descriptor of the folder, for the caller to close, and a path that stands for it while it is open."""
    fd = _open(root, path, os.O_RDONLY)
    if not stat.S_ISDIR(os.fstat(fd).st_mode):
        os.close(fd)
        raise Conflict(f"{_shown(path)} is not a folder")
    return fd, f"/proc/{os.getpid()}/fd/{fd}"


def _open(root: str, path: bytes, flags: int) -> int:
    if b"\0" in path:
        raise Invalid("a path has no zero bytes in it", field="path")
    with open_folder(root) as top:
        try:
            return open_in_root(top, os.fsdecode(path.strip(b"/") or b"."), flags)
        except FileNotFoundError:
            raise NotFound(f"there is no {_shown(path)} in the snapshot") from None
        except OSError as refused:
            if flags & os.O_PATH:
                raise NotFound(f"{_shown(path)} cannot be reached: {refused.strerror}") from None
            raise Conflict(f"{_shown(path)} cannot be read: {refused.strerror}") from None


def _content(fd: int) -> Iterator[bytes]:
    try:
        while True:
            try:
                data = os.read(fd, _STEP)
            except OSError as refused:
                raise Problem(f"the file cannot be read any further: {refused.strerror}") from None
            if not data:
                return
            yield data
    finally:
        os.close(fd)


def _entry(folder: int, name: bytes) -> FileInfo:
    about = os.lstat(name, dir_fd=folder)
    target = os.readlink(name, dir_fd=folder) if stat.S_ISLNK(about.st_mode) else b""
    return _info(name, about, target)


def _info(name: bytes, about: os.stat_result, target: bytes = b"") -> FileInfo:
    return FileInfo(
        name=name,
        type=_TYPES.get(stat.S_IFMT(about.st_mode), "unknown"),
        size=about.st_size,
        mode=stat.S_IMODE(about.st_mode),
        uid=about.st_uid,
        gid=about.st_gid,
        mtime_ns=about.st_mtime_ns,
        target=target,
    )


def _shown(path: bytes) -> str:
    return "/" + path.strip(b"/").decode(errors="backslashreplace")
