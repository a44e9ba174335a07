"""Reading an image chunk by chunk: what is a hole, or known from before, is not read."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from caddis.backups.manifest import Part
from caddis.backups.together import each
from caddis.domain.errors import Damaged

CHUNK_BYTES = 1 << 20
ZEROS = bytes(CHUNK_BYTES)

Ranges = Iterable[tuple[int, int]]  # offset and length in bytes
# Bytes done, bytes to do; called from the thread that asked. What it raises ends the work, which can be taken up again.
OnProgress = Callable[[int, int], None]


@dataclass(slots=True)
class Draft:
    """A part while its chunks are named: `to_read` are the indexes whose content must be looked at."""

    path: Path
    size: int
    chunk_size: int
    chunks: list[str | None]
    to_read: list[int] = field(default_factory=list)

    def length(self, index: int) -> int:
        """Bytes of the chunk with that index."""
        return min(self.chunk_size, self.size - index * self.chunk_size)

    def finished(self) -> Part:
        """As it goes into a manifest."""
        return Part(size=self.size, chunk_size=self.chunk_size, chunks=tuple(self.chunks))


def is_zero(plain: bytes) -> bool:
    """Whether there is nothing but zeros in it."""
    return plain == (ZEROS if len(plain) == CHUNK_BYTES else bytes(len(plain)))


def draft_part(path: Path, *, base: Part | None = None, changed: Ranges | None = None) -> Draft:
    """What must be read of the image at `path`.

    With `base` and `changed` (all that may differ from it since; more is harmless), the chunks outside are taken from
    the base. Without, all that is not a hole is read.
    """
    with open(path, "rb") as image:
        size = os.fstat(image.fileno()).st_size
        data = set(list_data_chunks(image.fileno(), size))
    draft = Draft(path, size, CHUNK_BYTES, [None] * -(-size // CHUNK_BYTES))
    inherited: set[int] = set()
    if base is not None and changed is not None and base.chunk_size == CHUNK_BYTES:
        both = range(min(len(base.chunks), len(draft.chunks)))
        inherited = {index for index in both if base.length(index) == draft.length(index)} - set(_touched(changed))
        for index in inherited:
            draft.chunks[index] = base.chunks[index]
    draft.to_read = sorted(data - inherited)
    return draft


def walk(drafts: Iterable[Draft], work: Callable[[bytes], str | None], on_progress: OnProgress | None = None) -> None:
    """Give the content of all that is `to_read` to `work`, several at a time, and note the names that it returns."""
    drafts = list(drafts)
    total = sum(draft.length(index) for draft in drafts for index in draft.to_read)
    done = 0
    for draft in drafts:
        with open(draft.path, "rb", buffering=0) as image:
            fd = image.fileno()

            def look(index: int, draft: Draft = draft, fd: int = fd) -> str | None:
                plain = _read(fd, draft, index)
                return None if is_zero(plain) else work(plain)

            for index, name in each(draft.to_read, look):
                draft.chunks[index] = name
                done += draft.length(index)
                if on_progress is not None:
                    on_progress(done, total)


def list_data_chunks(fd: int, size: int) -> Iterator[int]:
    """The indexes of the chunks that are not wholly holes, where the file system can tell; else of all. May repeat."""
    offset = 0
    while offset < size:
        try:
            begin = os.lseek(fd, offset, os.SEEK_DATA)
            end = os.lseek(fd, begin, os.SEEK_HOLE)
        except OSError as refused:
            if refused.errno == errno.ENXIO:  # only a hole is left
                return
            if refused.errno not in (errno.EINVAL, errno.EOPNOTSUPP):
                raise
            begin, end = offset, size
        yield from range(begin // CHUNK_BYTES, -(-min(end, size) // CHUNK_BYTES))
        offset = end


def read_exactly(fd: int, length: int, offset: int) -> bytes:
    """So many bytes from there; fewer only where the file ends."""
    plain = os.pread(fd, length, offset)
    while len(plain) < length and (more := os.pread(fd, length - len(plain), offset + len(plain))):
        plain += more
    return plain


def _read(fd: int, draft: Draft, index: int) -> bytes:
    offset, length = index * draft.chunk_size, draft.length(index)
    plain = read_exactly(fd, length, offset)
    if len(plain) != length:
        raise Damaged(f"the image {draft.path} ends at {offset + len(plain)} while it is read, it had {draft.size}")
    os.posix_fadvise(fd, offset, length, os.POSIX_FADV_DONTNEED)  # a snapshot's pages are of no further use here
    return plain


def _touched(changed: Ranges) -> Iterator[int]:
    for offset, length in changed:
        if length > 0:
            yield from range(offset // CHUNK_BYTES, (offset + length - 1) // CHUNK_BYTES + 1)
