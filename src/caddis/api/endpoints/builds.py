"""Images: building one (the one endpoint that streams both ways), and seeing that one is there."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

from starlette.responses import Response, StreamingResponse

from caddis.api.call import Call, passed_on
from caddis.control.builds import build, ensure_image
from caddis.domain.errors import Problem
from caddis.wire.body import document_to_body

CONTEXT_LIMIT = 2 << 30  # bytes


async def create_build(call: Call) -> Response:
    """The body is a tar of the build's context; the answer is lines of text, the last of them JSON."""
    app = await call.app()
    stack = AsyncExitStack()
    lines = await stack.enter_async_context(
        build(
            call.control,
            app.name,
            query=call.query,
            context=call.stream(CONTEXT_LIMIT),
            user=call.caller.name,
        )
    )

    async def tell() -> AsyncIterator[bytes]:
        async with stack:
            try:
                async for part in lines:
                    yield part
            except Problem as problem:  # the status line has gone out: the last line has to say it
                yield b"\n" + document_to_body({"error": problem.message}) + b"\n"

    return StreamingResponse(tell(), media_type="text/plain")


async def create_image(call: Call) -> Response:
    """Fetch and unpack an image (`image`: its reference), so that a deploy knows before it touches a machine."""
    app = await call.app()
    return passed_on(await ensure_image(call.control, app.name, await call.checked_body(), user=call.caller.name))
