"""Streams to and from zstd, with a checksum of the content at the end of each frame."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from caddis.domain.errors import Invalid

MAGIC = b"\x28\xb5\x2f\xfd"
_SKIPPABLE = b"\x2a\x4d\x18"  # after a first byte of 0x50 to 0x5f
NORMAL, QUICK = 3, 1  # levels
_STEP = 1 << 20
_GATHERED = 256 << 10  # bytes of output that are handed on together
_MOST_WINDOW_LOG = 27  # 128 MiB: what `zstd` itself reads without being told to


def is_zstd(start: bytes) -> bool:
    """Whether a stream that begins so is one."""
    return start.startswith(MAGIC) or (start[1:4] == _SKIPPABLE and 0x50 <= start[0] <= 0x5F)


def compress(parts: Iterable[bytes], *, level: int = NORMAL) -> Iterator[bytes]:
    """The parts as one frame."""
    from backports.zstd import CompressionParameter, ZstdCompressor

    options: dict[int, int] = {CompressionParameter.compression_level: level, CompressionParameter.checksum_flag: 1}
    compressor = ZstdCompressor(options=options)
    gathered = bytearray()
    for part in parts:
        gathered += compressor.compress(part)
        if len(gathered) >= _GATHERED:
            yield bytes(gathered)
            gathered.clear()
    yield bytes(gathered + compressor.flush())


def decompress(read: Callable[[], bytes]) -> Iterator[bytes]:
    """What the frames hold, in parts of at most 1 MiB; `read` gives the next part, b"" at the end.

    Invalid, as soon as it is known, when the stream was cut short or altered.
    """
    from backports.zstd import DecompressionParameter, ZstdDecompressor, ZstdError

    options: dict[int, int] = {DecompressionParameter.window_log_max: _MOST_WINDOW_LOG}
    data = read()
    if not data:
        raise Invalid("what came was cut short: nothing came")
    while data:
        decompressor = ZstdDecompressor(options=options)
        while not decompressor.eof:
            if decompressor.needs_input and not data and not (data := read()):
                raise Invalid("what came was cut short: its zstd stream does not end")
            try:
                part = decompressor.decompress(data, _STEP)
            except ZstdError as wrong:
                raise Invalid(f"what came was altered: {wrong}") from None
            data = b""
            if part:
                yield part
        data = decompressor.unused_data or read()
