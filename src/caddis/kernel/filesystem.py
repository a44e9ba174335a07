"""ext4: making one, and reading who one is without mounting it; and what any mounted file system is and holds."""

from __future__ import annotations

import fcntl
import os
import struct
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from caddis.kernel.command import Command, Failed, command, run
from caddis.kernel.libc import filesystem_magic

EXT4_FEATURES = Path("/sys/fs/ext4/features")
# Everything named, so that /etc/mke2fs.conf of this or that Debian changes nothing and kernels from 4.19 on mount it.
_FEATURES = (
    *("none", "ext_attr", "resize_inode", "dir_index", "filetype", "extent", "64bit", "flex_bg", "sparse_super"),
    *("large_file", "huge_file", "dir_nlink", "extra_isize", "metadata_csum", "metadata_csum_seed"),
)
_SUPERBLOCK_AT = 1024
_EXT4_MAGIC = 0xEF53
_EXT4_IOC_SHUTDOWN = 0x8004587D  # _IOR('X', 125, __u32)
_GOING_NOLOGFLUSH = 2
_KNOWN_MAGICS = {
    _EXT4_MAGIC: "ext4",
    0x58465342: "xfs",
    0x9123683E: "btrfs",
    0x01021994: "tmpfs",
    0x794C7630: "overlay",
}


@dataclass(frozen=True, slots=True)
class Ext4Identity:
    """What an ext4 superblock says of itself."""

    uuid: str
    label: str


def make_ext4(
    device: str, *, uuid: str | None = None, label: str = "", journal: bool = True, features: Sequence[str] = ()
) -> Command:
    """mkfs.ext4 on a device whose every byte reads as zero.

    Why these options: `assume_storage_prezeroed` leaves inode tables and journal as the zeros that they are, so that it
    costs milliseconds and no kernel thread writes them later, under the owner's load. `nodiscard` keeps the space
    below allocated. `-m 0`: nothing kept for root, since the whole volume is for its one owner. `errors=remount-ro`: a
    damaged file system stops instead of spreading.
    """
    chosen = [*_FEATURES, *(["has_journal"] if journal else []), *features]
    return command(
        *("mkfs.ext4", "-q", "-F", "-b", "4096", "-I", "256", "-i", "16384", "-m", "0", "-e", "remount-ro"),
        *("-O", ",".join(chosen), "-L", label, *(["-U", uuid] if uuid else [])),
        *("-E", "assume_storage_prezeroed=1,lazy_itable_init=0,lazy_journal_init=1,nodiscard", device),
        deadline=120.0,
    )


def read_ext4_identity(fd: int) -> Ext4Identity | None:
    """Of the ext4 on the device or in the file `fd`; None when there is none."""
    block = os.pread(fd, 1024, _SUPERBLOCK_AT)
    if len(block) < 1024 or struct.unpack_from("<H", block, 56)[0] != _EXT4_MAGIC:
        return None
    label = block[120:136].rstrip(b"\0").decode("ascii", "replace")
    return Ext4Identity(str(uuid.UUID(bytes=block[104:120])), label)


def read_ext4_bytes(fd: int) -> int:
    """The size that the ext4 on the device or in the file `fd` says it has."""
    return _bytes_of(os.pread(fd, 1024, _SUPERBLOCK_AT))


def find_ext4_bytes(start: bytes) -> int:
    """As `read_ext4_bytes`, of an image that begins so; 0 when that is no ext4, or says nonsense."""
    block = start[_SUPERBLOCK_AT : _SUPERBLOCK_AT + 1024]
    if len(block) < 1024 or struct.unpack_from("<H", block, 56)[0] != _EXT4_MAGIC or block[24] > 6:
        return 0
    return _bytes_of(block)


def _bytes_of(block: bytes) -> int:
    low, log_size, high = (int(struct.unpack_from("<I", block, at)[0]) for at in (4, 24, 336))
    return (high << 32 | low) << (10 + min(log_size, 6))


def check_ext4(device: str) -> Command:
    """Replay the journal and put right what can be without a choice; exit status 1 says that something was."""
    return command("e2fsck", "-f", "-p", device, deadline=3600.0)


def look_at_ext4(device: str) -> Command:
    """Check all of it and change nothing; an exit status other than 0 says that something is wrong."""
    return command("e2fsck", "-f", "-n", device, deadline=3600.0)


def replay_ext4(device: str) -> Command:
    """Replay the journal if the file system was not unmounted, as at its next mount; exit status 1 says so."""
    return command("e2fsck", "-p", device, deadline=3600.0)


def rename_ext4(device: str, *, uuid: str, label: str) -> Command:
    """Give a file system at rest another identity: with a checksum seed of its own, that is one block's work."""
    return command("tune2fs", "-O", "metadata_csum_seed", "-U", uuid, "-L", label, device, deadline=120.0)


def grow_ext4(device: str) -> Command:
    """Make the file system as large as its device: mounted (that needs CAP_SYS_RESOURCE), or at rest and checked."""
    return command("resize2fs", device, deadline=3600.0)


def says_not_permitted(failed: Failed) -> bool:
    """Whether `grow_ext4` of a mounted file system was refused to us."""
    return "Permission denied" in failed.stderr or "not permitted" in failed.stderr


def ext4_can(feature: str) -> bool:
    """Whether this kernel's ext4 has a feature, such as "encryption"."""
    if not EXT4_FEATURES.exists():  # the module is loaded by the first use
        run(command("modprobe", "-q", "ext4"), accept=(0, 1))
    return (EXT4_FEATURES / feature).exists()


def find_magic(path: Path) -> int:
    """The statfs magic number of the file system that holds `path`."""
    return filesystem_magic(str(path))


def name_of(magic: int) -> str:
    """A file system's usual name, or its number in hex."""
    return _KNOWN_MAGICS.get(magic, hex(magic))


def shut_down_ext4(fd: int) -> None:
    """Stop the ext4 of `fd` at once and forget everything that it has not written: for what is thrown away."""
    fcntl.ioctl(fd, _EXT4_IOC_SHUTDOWN, struct.pack("=I", _GOING_NOLOGFLUSH))
