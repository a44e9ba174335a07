"""What `fly volumes import --from` names, as parts to be sent."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any, cast

from caddis.domain.errors import Invalid, NotFound
from caddis.kernel.zstd import QUICK, compress, is_zstd

_STEP = 1 << 20


@contextmanager
def open_source(name: str) -> Iterator[Iterator[bytes]]:
    """A folder as a tar, a file or standard input as it is; gzip, xz and bzip2 are taken off, and all becomes zstd.

    So holes cost nothing on the way, and its checksum tells whether all came.
    """
    if name == "-":
        if sys.stdin.isatty():
            raise Invalid("standard input is a terminal: pipe something into it", field="from")
        yield _parts(sys.stdin.buffer, "standard input")
        return
    try:
        kind = os.stat(name).st_mode
        if stat.S_ISDIR(kind):
            from caddis.kernel.tar.pack import pack

            yield compress(_folder(pack(name), name), level=QUICK)
            return
        with open(name, "rb") as file:
            yield _parts(file, name)
    except FileNotFoundError:
        raise NotFound(f"there is no {name}", hint="--from FILE, --from FOLDER or --from -") from None
    except PermissionError as refused:
        raise Invalid(f"{refused.filename or name} cannot be read: {refused.strerror}", field="from") from None


def _folder(parts: Iterator[bytes], name: str) -> Iterator[bytes]:
    try:
        yield from parts
    except OSError as refused:
        shown = os.fsdecode(refused.filename or name)
        raise Invalid(f"{shown} cannot be read: {refused.strerror}; nothing was imported", field="from") from None


def _parts(file: IO[bytes], name: str) -> Iterator[bytes]:
    start = _look(file)
    if not start or is_zstd(start):
        return _read(file, name, plain=True)
    source, plain = _unpacked(file, start)
    return compress(_read(source, name, plain=plain), level=QUICK)


def _look(file: IO[bytes]) -> bytes:
    """The first bytes, left where they are: `file` is buffered."""
    start: bytes = cast(Any, file).peek(6)[:6]
    return start


def _read(source: IO[bytes], name: str, *, plain: bool) -> Iterator[bytes]:
    try:
        while part := source.read(_STEP):
            yield part
    except (EOFError, OSError, ValueError) as wrong:
        if plain:
            raise
        raise Invalid(f"{name} was cut short or altered: {wrong}", field="from") from None
    except Exception as wrong:
        import lzma
        import zlib

        if not isinstance(wrong, lzma.LZMAError | zlib.error):
            raise
        raise Invalid(f"{name} was cut short or altered: {wrong}", field="from") from None


def _unpacked(file: IO[bytes], start: bytes) -> tuple[IO[bytes], bool]:
    """What is to be read, and whether it is the file itself."""
    if start.startswith(b"\x1f\x8b"):
        import gzip

        return cast("IO[bytes]", gzip.GzipFile(fileobj=file)), False
    if start.startswith(b"\xfd7zXZ\0"):
        import lzma

        return cast("IO[bytes]", lzma.LZMAFile(file)), False
    if start.startswith(b"BZh"):
        import bz2

        return cast("IO[bytes]", bz2.BZ2File(file)), False
    return file, True
