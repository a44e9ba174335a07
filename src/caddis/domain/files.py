"""A file inside a snapshot, and what an archive or image of a volume's files is."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


@dataclass(frozen=True, slots=True, kw_only=True)
class FileInfo:
    """`name` is bytes, as the kernel has it; `type` as `stat` calls it; `mtime_ns` since 1970; `target` of a link."""

    name: bytes
    type: str
    size: int
    mode: int
    uid: int
    gid: int
    mtime_ns: int
    target: bytes = b""


@dataclass(frozen=True, slots=True)
class Listing:
    """A folder's entries in order of name, or the one file that the path names. `more`: there are others."""

    folder: bool
    entries: tuple[FileInfo, ...]
    more: bool = False


class ExportFormat(StrEnum):
    """How a volume leaves: `tar` its files, `image` an ext4 image of them, or the bytes of a raw volume."""

    TAR = "tar"
    IMAGE = "image"
