"""XFS: making one, and reading who one is without mounting it."""

from __future__ import annotations

import errno
import os
import uuid
from dataclasses import dataclass

from caddis.kernel.command import Command, command

STATFS_MAGIC = 0x58465342  # "XFSB", also the first four bytes on disk
SMALLEST_BYTES = 300 << 20  # mkfs.xfs refuses less since xfsprogs 5.19
DEFAULT_BLOCK_SIZE = 4096


@dataclass(frozen=True, slots=True)
class XfsIdentity:
    """What an XFS superblock says of itself."""

    uuid: str
    label: str


def make_xfs(device: str, *, uuid: str, label: str, block_size: int = DEFAULT_BLOCK_SIZE) -> Command:
    """mkfs.xfs with clones; `label` has at most 12 characters.

    Blocks of 4 KiB mount on every kernel; larger than a page of memory, 64 KiB need Linux 6.12 (facts: substrate 2).
    `-K`: the space below is a freshly allocated file or the owner's disk; discarding it would give the allocation away.
    """
    return command(
        *(
            "mkfs.xfs",
            "-q",
            "-f",
            "-K",
            "-b",
            f"size={block_size}",
            "-m",
            f"reflink=1,uuid={uuid}",
            "-L",
            label,
            device,
        ),
        deadline=120.0,
    )


def says_blocks_too_large(refused: OSError) -> bool:
    """Whether mounting failed because this kernel has no XFS with blocks larger than a page."""
    return refused.errno == errno.ENOSYS


def read_identity(fd: int) -> XfsIdentity | None:
    """Of the XFS on the device or in the file `fd`; None when there is none."""
    block = os.pread(fd, 512, 0)  # layout: xfs_format.h, struct xfs_dsb
    if len(block) < 512 or block[:4] != b"XFSB":
        return None
    return XfsIdentity(str(uuid.UUID(bytes=block[32:48])), block[108:120].rstrip(b"\0").decode("ascii", "replace"))
