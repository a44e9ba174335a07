"""System calls that Python does not offer, by ctypes; each returns or raises OSError with its errno."""

from __future__ import annotations

import ctypes
import os

_libc = ctypes.CDLL(None, use_errno=True)


def check(result: int, *about: object) -> int:
    """The result; OSError when it is negative."""
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code), *map(str, about[:1]))
    return result


def mount(source: str, target: str, fstype: str, flags: int, data: str) -> None:
    """mount(2)."""
    result = _libc.mount(
        source.encode(), target.encode(), fstype.encode(), ctypes.c_ulong(flags), data.encode() or None
    )
    check(result, target)


def umount2(target: str, flags: int) -> None:
    """umount2(2)."""
    check(_libc.umount2(target.encode(), flags), target)


def syncfs(fd: int) -> None:
    """syncfs(2): everything written to the file system of `fd` is on disk when it returns."""
    check(_libc.syncfs(fd))


def fallocate(fd: int, mode: int, offset: int, length: int) -> None:
    """fallocate(2) with its mode, which os.posix_fallocate does not have."""
    check(_libc.fallocate(fd, mode, ctypes.c_long(offset), ctypes.c_long(length)))


def filesystem_magic(path: str) -> int:
    """The f_type of statfs(2), which os.statvfs leaves out."""
    buffer = (ctypes.c_ulong * 32)()  # struct statfs has 120 bytes on 64-bit Linux; f_type is its first word
    check(_libc.statfs(path.encode(), ctypes.byref(buffer)), path)
    return int(buffer[0])
