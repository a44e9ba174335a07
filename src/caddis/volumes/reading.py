"""Files of a view by their path. Links and `..` lead wherever they lead inside of it, and never out of it."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator

from caddis.domain.errors import Conflict, Invalid, NotFound
from caddis.domain.files import FileInfo, Listing
from caddis.kernel.listing import content_of, file_info, kind_of, list_entries, shown
from caddis.kernel.openat2 import open_folder, open_in_root


def list_folder(root: str, path: bytes) -> Listing:
    """What the folder holds, or the one file; NotFound."""
    fd = _open(root, path, os.O_PATH)
    try:
        return list_entries(fd, path.rstrip(b"/").rpartition(b"/")[2])
    finally:
        os.close(fd)


def read_file(root: str, path: bytes) -> tuple[FileInfo, Iterator[bytes]]:
    """What the file is, and its content; NotFound, or Conflict when it is no file."""
    fd = _open(root, path, os.O_RDONLY | os.O_NONBLOCK)
    about = os.fstat(fd)
    if not stat.S_ISREG(about.st_mode):
        os.close(fd)
        kind = kind_of(about)
        raise Conflict(f"{shown(path)} is a {kind}, not a file", hint="fly volumes snapshots ls shows what is there")
    return file_info(path.rpartition(b"/")[2], about), content_of(fd)


def folder_path(root: str, path: bytes) -> tuple[int, str]:
    """A descriptor of the folder, for the caller to close, and a path that stands for it while it is open."""
    fd = _open(root, path, os.O_RDONLY)
    if not stat.S_ISDIR(os.fstat(fd).st_mode):
        os.close(fd)
        raise Conflict(f"{shown(path)} is not a folder")
    return fd, f"/proc/{os.getpid()}/fd/{fd}"


def _open(root: str, path: bytes, flags: int) -> int:
    if b"\0" in path:
        raise Invalid("a path has no zero bytes in it", field="path")
    with open_folder(root) as top:
        try:
            return open_in_root(top, os.fsdecode(path.strip(b"/") or b"."), flags)
        except FileNotFoundError:
            raise NotFound(f"there is no {shown(path)} in the snapshot") from None
        except OSError as refused:
            if flags & os.O_PATH:
                raise NotFound(f"{shown(path)} cannot be reached: {refused.strerror}") from None
            raise Conflict(f"{shown(path)} cannot be read: {refused.strerror}") from None
