"""zstd streams: whole or told."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caddis.domain.errors import Invalid
from caddis.kernel.zstd import compress, decompress, is_zstd


def plain(data: bytes, step: int = 100) -> bytes:
    parts = iter([data[at : at + step] for at in range(0, len(data), step)])
    return b"".join(decompress(lambda: next(parts, b"")))


@given(st.lists(st.binary(max_size=5000)), st.integers(1, 5000))
def test_what_was_compressed_comes_back(parts: list[bytes], step: int) -> None:
    packed = b"".join(compress(parts))
    assert is_zstd(packed)
    assert plain(packed, step) == b"".join(parts)


def test_several_frames_are_one_stream() -> None:
    skippable = b"\x50\x2a\x4d\x18\x03\0\0\0abc"
    frames = [b"".join(compress([part])) for part in (b"one", b"two")]
    assert plain(skippable + frames[0] + skippable + frames[1]) == b"onetwo"


@given(st.binary(min_size=1, max_size=2000), st.integers(0, 10_000), st.integers(1, 255))
def test_an_altered_or_missing_byte_is_told(content: bytes, at: int, change: int) -> None:
    packed = bytearray(b"".join(compress([content])))
    with pytest.raises(Invalid, match="cut short"):
        plain(bytes(packed[: at % len(packed)]))
    at = 5 + at % (len(packed) - 5)  # the frame's header may be another, just as good
    packed[at] ^= change
    try:
        assert plain(bytes(packed)) == content
    except Invalid:
        pass
