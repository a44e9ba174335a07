"""The disk that loses power: its three partitions, and the marks that the guest leaves on the last of them."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from vm.blocklog import SECTOR, Entry

_PARTITIONS = (16 << 30, 16 << 30, 32 << 20)  # the computer's own file system, a pool on a disk, marks
_FIRST_SECTOR = 2048
_MARKS_SECTOR = _FIRST_SECTOR + sum(_PARTITIONS[:2]) // SECTOR


@dataclass(frozen=True, slots=True)
class Mark:
    """What the guest had done when the first `at` entries of the log had been written, this mark among them."""

    at: int
    what: str
    facts: dict[str, Any] = field(default_factory=dict)


def make_disk(path: Path) -> None:
    """A sparse disk with nothing on it but its table of partitions."""
    with path.open("wb") as file:
        file.truncate(_FIRST_SECTOR * SECTOR + sum(_PARTITIONS))
        file.seek(446)
        start = _FIRST_SECTOR
        for size in _PARTITIONS:
            sectors = size // SECTOR
            file.write(struct.pack("<B3sB3sII", 0, b"\0\2\0", 0x83, b"\xff\xff\xff", start, sectors))
            start += sectors
        file.seek(510)
        file.write(b"\x55\xaa")


@contextmanager
def sparse(path: Path, size: int) -> Iterator[Path]:
    """A disk of zeros that takes no room until it is written to, and goes at the end of the block."""
    with path.open("wb") as file:
        file.truncate(size)
    try:
        yield path
    finally:
        path.unlink(missing_ok=True)


def read_marks(log: Path, entries: Sequence[Entry]) -> list[Mark]:
    """The marks in the log, in their order."""
    marks = []
    with log.open("rb") as file:
        for number, entry in enumerate(entries):
            if entry.is_write and entry.sector >= _MARKS_SECTOR and entry.sectors == 1:
                file.seek(entry.offset)
                facts = json.loads(file.read(SECTOR).rstrip(b"\0"))
                marks.append(Mark(number + 1, facts.pop("what"), facts))
    return marks
