"""A stream of parts, read in the amounts that a reader of archives asks for."""

from __future__ import annotations

from collections.abc import Callable, Iterable


def reader_of(parts: Iterable[bytes]) -> Callable[[int], bytes]:
    """`read(count)`: so many bytes, fewer only at the end."""
    source = iter(parts)
    kept = b""

    def read(count: int) -> bytes:
        nonlocal kept
        if len(kept) < count:
            gathered = [kept]
            had = len(kept)
            while had < count and (part := next(source, b"")):
                gathered.append(part)
                had += len(part)
            kept = b"".join(gathered)
        wanted, kept = kept[:count], kept[count:]
        return wanted

    return read
