"""Files of snapshots, and volumes on their way out and in: bodies that are longer than memory."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager, AsyncExitStack
from typing import Any

import anyio
from starlette.responses import Response, StreamingResponse
from starlette.types import Message, Receive, Scope, Send

from caddis.api.call import Call
from caddis.api.gate import show
from caddis.control.files import Stream, begin_import, open_export, open_files, send_import
from caddis.domain.errors import Invalid, Problem
from caddis.telemetry.log import note

IMPORT_LIMIT = 1 << 42  # bytes: more than any volume has
_UNREAD_SECONDS = 600.0
_NUMBERS = ("size_gb", "snapshot_retention")
_TRUTHS = {"true": True, "1": True, "false": False, "0": False}
_TEXTS = ("name", "region", "fstype")


async def get_snapshot_files(call: Call) -> Response:
    """`path` is a file or folder inside; `as` is list (JSON), content (of a file) or tar (of a folder)."""
    app = await call.app()
    return await pass_on(open_files(call.control, app.name, call.path("id"), call.query))


async def export_volume(call: Call) -> Response:
    """All of the volume as it is now, as one zstd stream of a tar or an ext4 image (`format`)."""
    app = await call.app()
    return await pass_on(open_export(call.control, app.name, call.path("id"), call.query))


async def import_volume(call: Call) -> Response:
    """The body is a tar or an ext4 image, zstd or not; the query tells of the volume as a create's body does.

    The answer is lines of JSON; the last has `volume`, or `error` when nothing is left of it.
    """
    try:
        answer = await _import(call)
    except Problem as problem:
        answer = show(call.request, problem)
    answer.headers["connection"] = "close"  # the rest of a body that was refused is not worth reading
    return answer


async def _import(call: Call) -> Response:
    app = await call.app()
    begun = await begin_import(call.control, app.name, _wish(call), user=call.caller.name)
    if begun.problem is not None:
        raise begun.problem
    content = call.stream(IMPORT_LIMIT)
    return await pass_on(send_import(call.control, app.name, begun.document["id"], content), listens=False)


def _wish(call: Call) -> dict[str, Any]:
    wish: dict[str, Any] = {}
    for key, value in call.query:
        if key in _TEXTS:
            wish[key] = value
        elif key in _NUMBERS:
            if not value.isdecimal():
                raise Invalid(f"{key} {value!r} is not a whole number", field=key)
            wish[key] = int(value)
        else:
            if value.lower() not in _TRUTHS:
                raise Invalid(f"{key} {value!r} is neither true nor false", field=key)
            wish[key] = _TRUTHS[value.lower()]
    return wish


async def pass_on(opening: AbstractAsyncContextManager[Stream], *, listens: bool = True) -> Response:
    """The host's answer as it comes; not `listens` while the request's body is still being read."""
    stack = AsyncExitStack()
    return _Passed(await stack.enter_async_context(opening), stack, listens=listens)


class _Passed(StreamingResponse):
    """A host's stream; what breaks there breaks off here too, and the connection to the host ends either way."""

    def __init__(self, stream: Stream, stack: AsyncExitStack, *, listens: bool) -> None:
        super().__init__(stream.parts, headers=stream.headers, media_type=stream.content_type)
        self._stack, self._listens = stack, listens

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, then let go."""

        async def send_in_time(message: Message) -> None:
            with anyio.fail_after(_UNREAD_SECONDS):
                await send(message)

        try:
            if self._listens:
                await super().__call__(scope, receive, send_in_time)
            else:  # the body is still being read, and only one may wait for its parts
                await self.stream_response(send_in_time)
        except Problem as problem:
            note("an answer broke off", path=scope["path"], why=problem.message)
        except TimeoutError:
            note("an answer broke off", path=scope["path"], why="the client does not read it")
        finally:
            with anyio.CancelScope(shield=True):
                await self._stack.aclose()
