"""Building an image from a context that the API streams to us; the build's output is streamed back line by line."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator
from typing import IO, Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from caddis.agent.threads import in_thread
from caddis.agent.world import World
from caddis.domain.errors import Problem, TooLarge
from caddis.domain.ids import check_app_name, ulid
from caddis.images.source import OUR_REGISTRY
from caddis.telemetry.log import note_bug

MAX_CONTEXT_BYTES = 2 << 30


async def build(request: Request, app: str, world: World) -> Response:
    """The lines of the build; the last is JSON with `image` or `error`."""
    check_app_name(app)
    label = (
        request.query_params.get("label") or f"deployment-{ulid(int(world.now().timestamp() * 1000), world.entropy())}"
    )
    options = {
        "dockerfile": request.query_params.get("dockerfile") or None,
        "target": request.query_params.get("target") or None,
        "no_cache": request.query_params.get("no_cache", "") in ("true", "1"),
        "build_args": dict(arg.partition("=")[::2] for arg in request.query_params.getlist("build_arg")),
        "labels": dict(label.partition("=")[::2] for label in request.query_params.getlist("image_label")),
    }
    context = await _receive(request)
    return StreamingResponse(_run(context, f"{OUR_REGISTRY}{app}:{label}", options, world), media_type="text/plain")


async def _receive(request: Request) -> IO[bytes]:
    """The context, in a file without a name: however we end, nothing of it stays on the disk."""
    file = tempfile.TemporaryFile()  # noqa: SIM115  # handed on, closed by the build
    size = 0
    try:
        async for chunk in request.stream():
            size += len(chunk)
            if size > MAX_CONTEXT_BYTES:
                raise TooLarge(f"the build context is larger than {MAX_CONTEXT_BYTES >> 30} GB")
            await in_thread(file.write, chunk)
        await in_thread(file.flush)
    except BaseException:
        file.close()
        raise
    return file


async def _run(context: IO[bytes], tag: str, options: dict[str, Any], world: World) -> AsyncIterator[bytes]:
    loop = asyncio.get_running_loop()
    lines: asyncio.Queue[str | None] = asyncio.Queue()

    def tell(line: str | None) -> None:
        loop.call_soon_threadsafe(lines.put_nowait, line)

    async def work() -> dict[str, str]:
        try:
            path = f"/proc/self/fd/{context.fileno()}"
            return {"image": await in_thread(world.images.build, path, tag=tag, options=options, on_line=tell)}
        except Problem as problem:
            return {"error": problem.message, "hint": problem.hint or ""}
        except Exception as bug:  # noqa: BLE001  the top of a build: the client must get a last line
            note_bug("bug in a build", bug, tag=tag)
            return {"error": "internal error: the agent's log has the details", "hint": ""}
        finally:
            context.close()
            tell(None)

    building = asyncio.create_task(work())  # goes on to its end even if the client leaves
    while (line := await lines.get()) is not None:
        yield line.encode() + b"\n"
    yield msgspec.json.encode(await building) + b"\n"
