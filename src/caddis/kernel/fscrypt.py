"""fscrypt: a folder whose contents and names the file system encrypts, with a key that is only in the kernel.

AES-256-XTS for contents, AES-256-CTS for names, policy version 2 (linux/fscrypt.h). Keys go in by ioctl, straight from
memory: no program, no file and no user keyring ever has them. A key lives in the mounted file system and dies with it.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import os
import struct
from pathlib import Path

_SET_POLICY = 0x800C6613  # _IOR('f', 19, struct fscrypt_policy_v1): numbered by the old struct, given the new one
_GET_POLICY_EX = 0xC0096616  # _IOWR('f', 22, __u8[9])
_ADD_KEY = 0xC0506617  # _IOWR('f', 23, struct fscrypt_add_key_arg)
_REMOVE_KEY_ALL_USERS = 0xC0406619  # _IOWR('f', 25, struct fscrypt_remove_key_arg)
_SPEC_IDENTIFIER = 2
_POLICY_V2, _CONTENTS_XTS, _NAMES_CTS, _PAD_32 = 2, 1, 4, 3
IDENTIFIER_BYTES = 16


def add_key(folder: Path, key: bytes) -> bytes:
    """Give the key (32 to 64 bytes) to the mounted file system that holds `folder`; its 16-byte identifier.

    Doing it twice changes nothing. OSError EOPNOTSUPP when the file system has no encryption.
    """
    head = struct.pack("=II32sII32s", _SPEC_IDENTIFIER, 0, b"", len(key), 0, b"")
    argument = ctypes.create_string_buffer(head + key, len(head) + len(key))
    try:
        with _opened(folder) as fd:
            fcntl.ioctl(fd, _ADD_KEY, argument)
        return argument.raw[8 : 8 + IDENTIFIER_BYTES]
    finally:
        ctypes.memset(argument, 0, len(argument))


def set_policy(folder: Path, identifier: bytes) -> None:
    """Encrypt everything that is ever put into the empty `folder` with that key. The same policy twice is silent."""
    policy = struct.pack("=BBBBB3x16s", _POLICY_V2, _CONTENTS_XTS, _NAMES_CTS, _PAD_32, 0, identifier)
    with _opened(folder) as fd:
        fcntl.ioctl(fd, _SET_POLICY, policy)


def find_policy(folder: Path) -> bytes | None:
    """The identifier of the key that `folder` is encrypted with; None when it has no policy of version 2."""
    argument = struct.pack("=Q24s", 24, b"")
    with _opened(folder) as fd:
        try:
            answer = fcntl.ioctl(fd, _GET_POLICY_EX, argument)
        except OSError as refused:
            if refused.errno in (errno.ENODATA, errno.EOPNOTSUPP, errno.ENOTTY):
                return None
            raise
    return answer[16:32] if answer[8] == _POLICY_V2 else None


def remove_key(folder: Path, identifier: bytes) -> None:
    """Take the key out of the mounted file system, and with it every clear name and page that nobody has open."""
    argument = struct.pack("=II32sI5I", _SPEC_IDENTIFIER, 0, identifier, 0, 0, 0, 0, 0, 0)
    with _opened(folder) as fd:
        try:
            fcntl.ioctl(fd, _REMOVE_KEY_ALL_USERS, argument)
        except OSError as refused:
            if refused.errno != errno.ENOKEY:  # it is not there: as wanted
                raise


class _opened:
    """A folder's descriptor for the length of a block."""

    def __init__(self, folder: Path) -> None:
        self._fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)

    def __enter__(self) -> int:
        return self._fd

    def __exit__(self, *_: object) -> None:
        os.close(self._fd)
