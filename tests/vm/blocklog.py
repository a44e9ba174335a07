"""The log that qemu's blklogwrites keeps of a disk: what was written in which order, and when it was flushed.

The format is that of the kernel's dm-log-writes (Documentation/admin-guide/device-mapper/log-writes.rst): a sector
that says what this is, then for each request a sector with its place and length, followed by its bytes. A request is
logged when it has completed. The count in the first sector is only renewed now and then, so entries are read to the
end of the file instead.

A disk after a power cut holds everything up to the last flush that completed, and any part of what was written after
it: `cut` makes such a disk, with a part that a seed chooses.
"""

from __future__ import annotations

import os
import random
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

SECTOR = 512
_MAGIC, _VERSION = 0x6A736677736872, 1
_SUPER = struct.Struct("<QQQI")
_ENTRY = struct.Struct("<QQQQ")
FLUSH, FUA, DISCARD, MARK = 1, 2, 4, 8


@dataclass(frozen=True, slots=True)
class Entry:
    """One request: `sector` and `sectors` on the disk, `offset` of its bytes in the log (writes only)."""

    sector: int
    sectors: int
    flags: int
    offset: int

    @property
    def is_flush(self) -> bool:
        return bool(self.flags & FLUSH)

    @property
    def is_discard(self) -> bool:
        return bool(self.flags & DISCARD)

    @property
    def is_write(self) -> bool:
        return self.sectors > 0 and not self.is_discard


@dataclass(frozen=True, slots=True)
class Cut:
    """What a power cut after so many entries left: all up to `flushed`, and of the writes after it those in `kept`."""

    at: int
    flushed: int
    kept: frozenset[int]
    dropped: int


def read_entries(log: Path) -> list[Entry]:
    """All that were wholly written before the end, however sudden, of whoever wrote the log."""
    entries = []
    size = log.stat().st_size
    with log.open("rb") as file:
        magic, version, _count, sector_size = _SUPER.unpack(file.read(_SUPER.size))
        assert (magic, version, sector_size) == (_MAGIC, _VERSION, SECTOR), "this is no log of block writes"
        at = SECTOR
        while at + SECTOR <= size:
            file.seek(at)
            sector, sectors, flags, _length = _ENTRY.unpack(file.read(_ENTRY.size))
            at += SECTOR
            body = 0 if flags & DISCARD else sectors * SECTOR
            if at + body > size or not (flags or sectors):
                break
            entries.append(Entry(sector, sectors, flags, at))
            at += body
    return entries


def last_flush(entries: Sequence[Entry], at: int) -> int:
    """The number of entries that the last flush among the first `at` made safe; 0 without one."""
    return next((number for number in range(at, 0, -1) if entries[number - 1].is_flush), 0)


def choose_cut(entries: Sequence[Entry], at: int, seed: int, *, flushed: int | None = None) -> Cut:
    """A power cut after `at` entries. Of what was not flushed, each write survives by chance; the chance too is drawn.

    `flushed` plays a disk that lies: nothing after that many entries is safe, whatever was flushed.
    """
    chance = random.Random(seed)
    safe = last_flush(entries, at) if flushed is None else flushed
    loose = [number for number in range(safe, at) if entries[number].is_write]
    share = chance.choice((0.0, 0.2, 0.5, 0.8))
    kept = frozenset(number for number in loose if chance.random() < share)
    return Cut(at, safe, kept, len(loose) - len(kept))


class Replay:
    """Builds disks from a log, each as a cut left it. `base` is the disk as it was when the log began."""

    def __init__(self, log: Path, entries: Sequence[Entry], base: Path) -> None:
        self._log, self._entries, self._disk = log, entries, base
        self._done = 0

    def build(self, cut: Cut, target: Path) -> None:
        """Write the disk to `target`, sparse. Cuts come in the order of what they hold safe."""
        assert cut.flushed >= self._done
        with self._log.open("rb") as log:
            with self._disk.open("r+b") as disk:
                for entry in self._entries[self._done : cut.flushed]:
                    _apply(entry, log, disk.fileno())
            self._done = cut.flushed
            copy_sparse(self._disk, target)
            with target.open("r+b") as disk:
                for number in range(cut.flushed, cut.at):
                    if number in cut.kept:
                        _apply(self._entries[number], log, disk.fileno())


def copy_sparse(source: Path, target: Path) -> None:
    """Copy only what is there."""
    with source.open("rb") as origin, target.open("wb") as copy:
        size = os.fstat(origin.fileno()).st_size
        copy.truncate(size)
        at = 0
        while at < size:
            try:
                at = os.lseek(origin.fileno(), at, os.SEEK_DATA)
            except OSError:  # nothing but a hole is left
                break
            end = os.lseek(origin.fileno(), at, os.SEEK_HOLE)
            while at < end:
                at += os.copy_file_range(origin.fileno(), copy.fileno(), end - at, at, at)


def _apply(entry: Entry, log: object, disk: int) -> None:
    if entry.is_write:
        body = os.pread(log.fileno(), entry.sectors * SECTOR, entry.offset)  # type: ignore[attr-defined]
        os.pwrite(disk, body, entry.sector * SECTOR)
