"""Packing and unpacking as programs, so that they take no turns with the agent's threads, and cannot reach further."""

from __future__ import annotations

import json
import sys
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

from caddis.kernel.command import Command, Piped, piped
from caddis.kernel.tar.unpack import Outcome

_SOURCES = Path(__file__).resolve().parents[3]
_STEP = 1 << 20
_LONGEST = 24 * 3600.0  # seconds, of one archive


def packer(folder: str, *, locked: bool = False) -> Command:
    """Writes the folder as a tar to its stdout; `locked`: with the folder as its root directory."""
    return _program("pack", folder, *(["locked"] if locked else []))


def unpacker(folder: str, *, devices: bool = False) -> Command:
    """Writes the tar of its stdin into the folder, which is its root directory; then says an `Outcome`."""
    return _program("unpack", folder, *(["devices"] if devices else []))


def pack(folder: str, *, locked: bool = False) -> Generator[bytes, None, None]:
    """The folder as a tar. Failed, before the archive's end, when something cannot be read.

    `locked` for a folder in which others may replace folders by links while it is read: none leads out of it.
    """
    with piped(packer(folder, locked=locked)) as program:
        while data := program.read(_STEP):
            yield data
        program.finish()


@contextmanager
def unpacking(folder: str, *, devices: bool = False) -> Iterator[Piped]:
    """Write the tar to it, then hand it to `outcome_of`."""
    with piped(unpacker(folder, devices=devices)) as program:
        yield program


def outcome_of(program: Piped) -> Outcome:
    """How unpacking went, once all is written."""
    return Outcome(**json.loads(program.finish()))


def _program(name: str, *words: str) -> Command:
    # Told where Caddis is, because an interpreter may find it otherwise than by being installed with it.
    argv = (sys.executable, "-s", "-P", "-m", f"caddis.kernel.tar.{name}", *words)
    return Command(argv=argv, env={"PYTHONPATH": str(_SOURCES)}, deadline=_LONGEST)
