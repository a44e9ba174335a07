"""What clients send while an operation waits for it: streams that live in this process and die with it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from concurrent.futures import CancelledError
from typing import Protocol

from caddis.domain.errors import Conflict, Problem, TimedOut

SILENCE_SECONDS = 600.0  # the longest that a client may send nothing
_GATHERED = 1 << 20  # bytes that are handed over together


class Upload(Protocol):
    """Bytes on their way."""

    def read(self) -> bytes:
        """The next part, b"" at the end; Problem when it broke off."""


class Uploads:
    """By the id of what they are for. From any thread."""

    def __init__(self) -> None:
        self._found: dict[str, Upload] = {}

    def put(self, id: str, upload: Upload) -> None:
        """It is there to be taken."""
        self._found[id] = upload

    def take(self, id: str) -> Upload:
        """Once. Conflict when there is none (any more): what was read of it is lost with the agent that read it."""
        upload = self._found.pop(id, None)
        if upload is None:
            raise Conflict(
                f"what was to be imported into volume {id} did not come, or not all of it; nothing is left of it",
                hint="import it again",
            )
        return upload


class RequestUpload:
    """The body of a request, read by a thread out of the event loop that has it."""

    def __init__(self, body: AsyncIterator[bytes]) -> None:
        self._body = body
        self._loop = asyncio.get_running_loop()
        self._task: asyncio.Task[bytes] | None = None
        self._ended = threading.Event()
        self.received = 0

    def read(self) -> bytes:
        """As `Upload`; TimedOut when the client has been silent for too long."""
        if self._ended.is_set():
            return b""
        try:
            data = asyncio.run_coroutine_threadsafe(self._next(), self._loop).result(SILENCE_SECONDS + 30)
        except (CancelledError, asyncio.CancelledError):
            raise Problem("the agent is ending: the import was given up", hint="import it again") from None
        except TimeoutError:
            raise TimedOut(f"nothing was sent for {SILENCE_SECONDS:.0f} seconds: the import was given up") from None
        self.received += len(data)
        if not data:
            self._ended.set()
        return data

    def cut(self) -> None:
        """In the loop: whoever reads gets a Problem at once."""
        if self._task is not None:
            self._task.cancel()
        self._body = _cancelled()

    async def _next(self) -> bytes:
        self._task = asyncio.ensure_future(self._gather())
        return await asyncio.wait_for(self._task, SILENCE_SECONDS)

    async def _gather(self) -> bytes:
        data = bytearray()
        async for part in self._body:
            data += part
            if len(data) >= _GATHERED:
                break
        return bytes(data)


async def _cancelled() -> AsyncIterator[bytes]:
    raise asyncio.CancelledError
    yield b""
