"""Reading and writing descriptors that do not block, from the agent's loop."""

from __future__ import annotations

import os

import anyio

from caddis.wire.stream import PART


async def read_part(fd: int) -> bytes:
    """The next bytes; b"" at the end, also at that of a terminal, which the kernel tells as an error."""
    while True:
        try:
            return os.read(fd, PART)
        except BlockingIOError:
            await anyio.wait_readable(fd)
        except OSError:
            return b""


async def write_all(fd: int, data: bytes) -> bool:
    """False when nobody reads it (any more)."""
    rest = memoryview(data)
    while rest:
        try:
            rest = rest[os.write(fd, rest) :]
        except BlockingIOError:
            await anyio.wait_writable(fd)
        except OSError:
            return False
    return True
