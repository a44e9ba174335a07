"""Opening files below a folder whose contents are not to be trusted.

A container image may hold any link (/etc -> /, hosts -> /etc/shadow). openat2(2) with RESOLVE_IN_ROOT treats the folder
as the root for every link and "..", atomically, which no walk in user space can promise.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import stat
from collections.abc import Iterator

_SYS_OPENAT2 = 437  # the same number on every architecture
_RESOLVE_NO_MAGICLINKS = 0x02
_RESOLVE_IN_ROOT = 0x10
_libc = ctypes.CDLL(None, use_errno=True)


class _OpenHow(ctypes.Structure):
    _fields_ = (("flags", ctypes.c_uint64), ("mode", ctypes.c_uint64), ("resolve", ctypes.c_uint64))


@contextlib.contextmanager
def open_folder(path: str) -> Iterator[int]:
    """A descriptor that stands for the folder, for `open_in_root`."""
    fd = os.open(path, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield fd
    finally:
        os.close(fd)


def open_in_root(root: int, path: str, flags: int, mode: int = 0) -> int:
    """openat2(2) with `root` as the root directory of all resolution. OSError as the kernel says it."""
    how = _OpenHow(flags | os.O_CLOEXEC, mode, _RESOLVE_IN_ROOT | _RESOLVE_NO_MAGICLINKS)
    fd = _libc.syscall(_SYS_OPENAT2, root, os.fsencode(path), ctypes.byref(how), ctypes.sizeof(how))
    if fd < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code), path)
    return int(fd)


def open_file_in_root(root: int, path: str) -> tuple[int, os.stat_result]:
    """A regular file for reading, and what it is; with a descriptor of -1 when it is something else.

    That is never opened: opening a device, such as a watchdog's, may do things, and a pipe would wait.
    """
    fd = open_in_root(root, path, os.O_PATH)
    try:
        about = os.fstat(fd)
        if not stat.S_ISREG(about.st_mode):
            return -1, about
        return os.open(f"/proc/self/fd/{fd}", os.O_RDONLY | os.O_CLOEXEC), about
    finally:
        os.close(fd)


def read_in_root(root: int, path: str, limit: int) -> bytes | None:
    """The first `limit` bytes of a regular file; None when there is none (a pipe, which would block, is none)."""
    try:
        fd, _about = open_file_in_root(root, path)
    except OSError:
        return None
    if fd < 0:
        return None
    with os.fdopen(fd, "rb") as file:
        return file.read(limit)


def stat_in_root(root: int, path: str) -> os.stat_result | None:
    """stat(2), following links inside the root; None when there is nothing."""
    try:
        fd = open_in_root(root, path, os.O_PATH)
    except OSError:
        return None
    try:
        return os.fstat(fd)
    finally:
        os.close(fd)
