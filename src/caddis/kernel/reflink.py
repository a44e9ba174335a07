"""Clones: files that share their blocks until one of them is written to."""

from __future__ import annotations

import errno
import fcntl
import os
import struct
import tempfile
from pathlib import Path

_FICLONE = 0x40049409  # linux/fs.h: _IOW(0x94, 9, int)
_FICLONERANGE = 0x4020940D  # _IOW(0x94, 13, struct file_clone_range)
_CANNOT = {errno.EOPNOTSUPP, errno.ENOTTY, errno.EINVAL, errno.EXDEV}


def clone(source_fd: int, target_fd: int) -> None:
    """Make all of `target` share the blocks of `source`. OSError when the file system has no clones."""
    fcntl.ioctl(target_fd, _FICLONE, source_fd)


def clone_range(source_fd: int, target_fd: int, offset: int, length: int) -> None:
    """Make so many bytes of `target` share the blocks that `source` has at the same offset; whole blocks only."""
    fcntl.ioctl(target_fd, _FICLONERANGE, struct.pack("=qQQQ", source_fd, offset, length, offset))


def can_clone(folder: Path) -> bool:
    """Whether files in `folder` can be cloned, found by trying with two files that have no name."""
    with tempfile.TemporaryFile(dir=folder) as source, tempfile.TemporaryFile(dir=folder) as target:
        os.write(source.fileno(), bytes(4096))
        try:
            clone(source.fileno(), target.fileno())
        except OSError as refused:
            if refused.errno in _CANNOT:
                return False
            raise
    return True
