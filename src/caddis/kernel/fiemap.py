"""Where a file's bytes lie on its disk (FIEMAP), and what differs between two files that were cloned from one another.

Clones share blocks until one of them is written to, so two places with the same physical address hold the same bytes.
Linux: Documentation/filesystems/fiemap.rst.
"""

from __future__ import annotations

import array
import fcntl
import struct
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

_FIEMAP = 0xC020660B  # linux/fs.h: _IOWR('f', 11, struct fiemap)
_SYNC = 1
_LAST, _UNWRITTEN = 0x1, 0x800
_HEAD = struct.Struct("=QQIIII")
_EXTENT = struct.Struct("=QQQ16xI12x")
_BATCH = 16384  # extents asked for at a time: 900 KiB
_END = 1 << 63


@dataclass(frozen=True, slots=True)
class Extent:
    """A run of written bytes: where in the file, where on the disk, how many. In bytes."""

    logical: int
    physical: int
    length: int


@dataclass(frozen=True, slots=True)
class Change:
    """A range in which two files differ, or may. `written`: the newer file has bytes there, not a hole."""

    offset: int
    length: int
    written: bool


def count_extents(fd: int) -> int:
    """How many extents the file has, unwritten ones too: what a clone's duration depends on."""
    answer = bytearray(_HEAD.pack(0, _END, _SYNC, 0, 0, 0))
    fcntl.ioctl(fd, _FIEMAP, answer)
    return int(_HEAD.unpack_from(answer)[3])


def list_extents(fd: int) -> list[Extent]:
    """The file's written extents in order. What is allocated but not written reads as zeros, as a hole does."""
    found: list[Extent] = []
    at = 0
    while True:
        buffer = array.array("B", bytes(_HEAD.size + _BATCH * _EXTENT.size))
        _HEAD.pack_into(buffer, 0, at, _END - at, _SYNC, 0, _BATCH, 0)
        fcntl.ioctl(fd, _FIEMAP, buffer)
        mapped = _HEAD.unpack_from(buffer)[3]
        if not mapped:
            return found
        end = _HEAD.size + mapped * _EXTENT.size
        for logical, physical, length, flags in _EXTENT.iter_unpack(memoryview(buffer)[_HEAD.size : end]):
            at = logical + length
            if not flags & _UNWRITTEN:
                found.append(Extent(logical, physical, length))
            if flags & _LAST:
                return found


def changes(older: Sequence[Extent], newer: Sequence[Extent]) -> Iterator[Change]:
    """Ranges in which `newer` does not show the very blocks of `older`, in order, neighbours joined. Pure.

    A superset of what differs: bytes that were written anew with the same content are reported too. True only while
    both files exist, because freed blocks are used again.
    """
    pending: Change | None = None
    for offset, length, before, after in _side_by_side(older, newer):
        if before == after:
            continue
        change = Change(offset, length, after is not None)
        if pending and pending.offset + pending.length == offset and pending.written == change.written:
            pending = Change(pending.offset, pending.length + length, change.written)
            continue
        if pending:
            yield pending
        pending = change
    if pending:
        yield pending


def _side_by_side(
    older: Iterable[Extent], newer: Iterable[Extent]
) -> Iterator[tuple[int, int, int | None, int | None]]:
    """(offset, length, physical address in the one, in the other) for every stretch in which both are regular."""
    left, right = _Cursor(older), _Cursor(newer)
    at = 0
    while not (left.is_done and right.is_done):
        before, left_end = left.look(at)
        after, right_end = right.look(at)
        end = min(left_end, right_end)
        if before is not None or after is not None:
            yield at, end - at, before, after
        at = end
        left.pass_by(at)
        right.pass_by(at)


class _Cursor:
    """Where one walks along a file's extents."""

    def __init__(self, extents: Iterable[Extent]) -> None:
        self._rest = iter(extents)
        self._extent = next(self._rest, None)

    @property
    def is_done(self) -> bool:
        return self._extent is None

    def look(self, at: int) -> tuple[int | None, int]:
        """The physical address at this offset (None in a hole), and where that regular stretch ends."""
        extent = self._extent
        if extent is None:
            return None, _END
        if at < extent.logical:
            return None, extent.logical
        return extent.physical + at - extent.logical, extent.logical + extent.length

    def pass_by(self, at: int) -> None:
        while self._extent is not None and self._extent.logical + self._extent.length <= at:
            self._extent = next(self._rest, None)


def written_bytes(extents: Iterable[Extent]) -> int:
    """Bytes that are neither holes nor unwritten. Pure."""
    return sum(extent.length for extent in extents)
