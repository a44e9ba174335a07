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

    A client sees that by the missing end of the chunked body. `close` is awaited at the end, whatever happened.
    """

    def __init__(
        self, parts: Iterator[bytes], close: Callable[[], Awaitable[None]], headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(_pulled(parts), headers=headers, media_type="application/octet-stream")
        self._parts, self._close = parts, close

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
                await in_thread(_end, self._parts)
                await self._close()


async def _pulled(parts: Iterator[bytes]) -> AsyncIterator[bytes]:
    while (part := await in_thread(next, parts, b"")) != b"":
        yield part


def _end(parts: Iterator[bytes]) -> None:
    close = getattr(parts, "close", None)
    if close is not None:
        close()
