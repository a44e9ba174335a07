"""What lies in a folder, and what is in a file, by descriptors that somebody else has opened (openat2.py)."""

from __future__ import annotations

import heapq
import os
import stat
from collections.abc import Iterator

from caddis.domain.errors import Problem
from caddis.domain.files import FileInfo, Listing

MOST_ENTRIES = 10_000
_STEP = 1 << 20  # bytes
_TYPES = {
    stat.S_IFREG: "file",
    stat.S_IFDIR: "directory",
    stat.S_IFLNK: "symlink",
    stat.S_IFIFO: "pipe",
    stat.S_IFSOCK: "socket",
    stat.S_IFCHR: "character device",
    stat.S_IFBLK: "block device",
}


def list_entries(fd: int, name: bytes) -> Listing:
    """What the folder holds, by name and at most `MOST_ENTRIES`; or, if it is none, the one thing of that name."""
    about = os.fstat(fd)
    if not stat.S_ISDIR(about.st_mode):
        return Listing(False, (file_info(name, about),))
    folder = os.open(".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=fd)
    try:
        with os.scandir(folder) as entries:  # the smallest names, in bounded memory
            names = heapq.nsmallest(MOST_ENTRIES + 1, (os.fsencode(entry.name) for entry in entries))
        found = [_entry(folder, one) for one in names[:MOST_ENTRIES]]
        return Listing(True, tuple(one for one in found if one), len(names) > MOST_ENTRIES)
    finally:
        os.close(folder)


def _entry(folder: int, name: bytes) -> FileInfo | None:
    try:
        about = os.lstat(name, dir_fd=folder)
        target = os.readlink(name, dir_fd=folder) if stat.S_ISLNK(about.st_mode) else b""
    except FileNotFoundError:  # somebody has deleted it meanwhile
        return None
    return file_info(name, about, target)


def file_info(name: bytes, about: os.stat_result, target: bytes = b"") -> FileInfo:
    """What is told of a file; `target` is where a link leads."""
    return FileInfo(
        name=name,
        type=kind_of(about),
        size=about.st_size,
        mode=stat.S_IMODE(about.st_mode),
        uid=about.st_uid,
        gid=about.st_gid,
        mtime_ns=about.st_mtime_ns,
        target=target,
    )


def kind_of(about: os.stat_result) -> str:
    """ "file", "directory", "block device" and the like."""
    return _TYPES.get(stat.S_IFMT(about.st_mode), "unknown")


def content_of(fd: int) -> Iterator[bytes]:
    """All of a file, in parts; the descriptor is closed at the end. Problem when it cannot be read any further."""
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


def shown(path: bytes) -> str:
    """A path for people's eyes."""
    return "/" + path.strip(b"/").decode(errors="backslashreplace")
