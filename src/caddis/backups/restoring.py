"""Restoring a part of a kept snapshot into a file or device, every chunk checked before it is written."""

from __future__ import annotations

import os
from typing import Protocol

from caddis.backups.image import CHUNK_BYTES, OnProgress, is_zero, list_data_chunks, read_exactly
from caddis.backups.manifest import Manifest, Part
from caddis.backups.shipping import IMAGE
from caddis.backups.together import each
from caddis.domain.errors import Conflict, Damaged, NotFound
from caddis.kernel import libc
from caddis.telemetry.seam import seam

_ZERO_RANGE = 0x10  # linux/falloc.h: zeros that stay allocated; punching holes would give the volume's space away
_KEEP_SIZE = 0x01


class ChunkSource(Protocol):
    """Where chunks come from: a store (StoredChunks)."""

    def name_chunk(self, plain: bytes) -> str:
        """The name that this content has."""
        ...

    def get_chunk(self, name: str) -> bytes:
        """The content of the chunk; Damaged, naming it, when it is missing or not what its name says."""
        ...


def restore(
    chunks: ChunkSource,
    manifest: Manifest,
    target_fd: int,
    *,
    part: str = IMAGE,
    on_progress: OnProgress | None = None,
) -> None:
    """Make the first bytes of `target_fd` (open for reading and writing) the part's, on disk. May be repeated.

    The target must be as large; what is beyond is left alone. What already is as it should be is not fetched again, so
    an interrupted restore goes on where it was. Damaged, naming chunk, snapshot and offset, when one cannot be had.
    """
    wanted = manifest.parts.get(part)
    if wanted is None:
        raise NotFound(f"snapshot {manifest.about.id} has no part {part!r}")
    size = os.lseek(target_fd, 0, os.SEEK_END)
    if size < wanted.size:
        raise Conflict(f"{size} bytes are too few for {part} of snapshot {manifest.about.id}, which has {wanted.size}")
    data = set(list_data_chunks(target_fd, wanted.size)) if wanted.chunk_size == CHUNK_BYTES else None

    def place(index: int) -> None:
        try:
            _place(chunks, wanted, target_fd, index)
        except Damaged as why:
            where = f"{part} of snapshot {manifest.about.id} at offset {index * wanted.chunk_size}"
            raise Damaged(f"{why.message} (it belongs to {where})", hint=why.hint) from None
        seam("backups.restore/chunk:after")

    todo = [index for index, name in enumerate(wanted.chunks) if name is not None or data is None or index in data]
    total, done = sum(wanted.length(index) for index in todo), 0
    for index, _ in each(todo, place):
        done += wanted.length(index)
        if on_progress is not None:
            on_progress(done, total)
    os.fsync(target_fd)


def _place(chunks: ChunkSource, wanted: Part, target_fd: int, index: int) -> None:
    name, offset, length = wanted.chunks[index], index * wanted.chunk_size, wanted.length(index)
    there = read_exactly(target_fd, length, offset)
    if name is None:
        if not is_zero(there):
            _zero(target_fd, offset, length)
        return
    if not is_zero(there) and chunks.name_chunk(there) == name:
        return
    plain = chunks.get_chunk(name)
    if len(plain) != length or chunks.name_chunk(plain) != name:
        raise Damaged(f"chunk {name} came with other content than its name says")
    _write(target_fd, plain, offset)


def _zero(fd: int, offset: int, length: int) -> None:
    try:
        libc.fallocate(fd, _ZERO_RANGE | _KEEP_SIZE, offset, length)
    except OSError:  # a file system without it; what is wrong with the disk shows below
        _write(fd, bytes(length), offset)


def _write(fd: int, plain: bytes, offset: int) -> None:
    view = memoryview(plain)
    while view:
        written = os.pwrite(fd, view, offset)
        view, offset = view[written:], offset + written
