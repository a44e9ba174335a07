"""Answers that are longer than memory: their source is given back however they end."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping

import anyio
from starlette.responses import StreamingResponse
from starlette.types import Message, Receive, Scope, Send

from caddis.agent.threads import in_thread
from caddis.domain.errors import Problem
from caddis.telemetry.log import note

_UNREAD_SECONDS = 600.0  # the longest that a client may leave unread what was sent


class Flow(StreamingResponse):
    """Sends what a blocking iterator gives; a Problem on the way, or a client that left, breaks the answer off.

    A client sees that by the missing end of the chunked body. `close` is awaited whatever happened, and, if all went
    well, before the end is sent: who has seen that can rely on it that nothing is held any more.
    """

    def __init__(
        self, parts: Iterator[bytes], close: Callable[[], Awaitable[None]], headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(self._pulled(), headers=headers, media_type="application/octet-stream")
        self._parts, self._close = parts, close
        self._closed = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send, then give back."""

        async def send_in_time(message: Message) -> None:
            with anyio.fail_after(_UNREAD_SECONDS):
                await send(message)

        try:
            await super().__call__(scope, receive, send_in_time)
        except Problem as problem:
            note("an answer broke off", path=scope["path"], why=problem.message)
        except TimeoutError:
            note("an answer broke off", path=scope["path"], why="the client does not read it")
        finally:
            with anyio.CancelScope(shield=True):
                await self._give_back()

    async def _pulled(self) -> AsyncIterator[bytes]:
        while (part := await in_thread(next, self._parts, b"")) != b"":
            yield part
        await self._give_back()

    async def _give_back(self) -> None:
        if not self._closed:
            self._closed = True
            await in_thread(_end, self._parts)
            await self._close()


def _end(parts: Iterator[bytes]) -> None:
    close = getattr(parts, "close", None)
    if close is not None:
        close()
