"""The part of the agent's door through which files come and go as streams."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.types import Message, Receive, Scope, Send

from caddis.agent.orders.files import FileOrders, Outgoing
from caddis.agent.orders.imports import ImportOrders
from caddis.agent.streams import Flow
from caddis.agent.uploads import RequestUpload
from caddis.domain.errors import Invalid, Refused
from caddis.wire.body import document_from_body, document_to_body

Handler = Callable[[Request], Awaitable[Response]]


class FileDoor:
    """Its routes are the door's."""

    def __init__(self, files: FileOrders, imports: ImportOrders, answer: Callable[[Any, str, str], Response]) -> None:
        self._files = files
        self._imports = imports
        self._answer = answer

    def routes(self) -> list[tuple[str, str, Handler]]:
        """Method, path, handler."""
        return [
            ("GET", "/snapshots/{id}/files", self._get_files),
            ("GET", "/volumes/{id}/export", self._export),
            ("POST", "/imports", self._begin_import),
            ("PUT", "/imports/{id}", self._receive_import),
        ]

    async def _get_files(self, request: Request) -> Response:
        """`as`: list (the default), content of a file, or tar of a folder."""
        id, app, path = _id(request), _app(request), request.query_params.get("path", "/")
        match request.query_params.get("as", "list"):
            case "list":
                return JSONResponse(await self._files.list(id, app, path))
            case "content":
                return _flow(await self._files.read(id, app, path))
            case "tar":
                return _flow(await self._files.archive(id, app, path))
            case other:
                raise Invalid(f"as is {other!r}: it is one of list, content, tar", field="as")

    async def _export(self, request: Request) -> Response:
        format = request.query_params.get("format", "image")
        return _flow(await self._files.export(_id(request), _app(request), format))

    async def _begin_import(self, request: Request) -> Response:
        volume = await self._imports.begin(_app(request), document_from_body(await request.body()))
        return self._answer(volume, "volume", volume["id"])

    async def _receive_import(self, request: Request) -> Response:
        upload = RequestUpload(_body(request))
        return _Lines(await self._imports.receive(_id(request), _app(request), upload))


class _Lines(Response):
    """JSON lines while the request's body is still being read; so, unlike StreamingResponse, it does not read on."""

    media_type = "application/x-ndjson"

    def __init__(self, lines: AsyncIterator[dict[str, Any]]) -> None:
        # the rest of a body that was refused is not worth reading: the connection ends with the answer
        super().__init__(headers={"connection": "close"})
        del self.headers["content-length"]
        self._lines = lines

    async def __call__(self, _scope: Scope, _receive: Receive, send: Send) -> None:
        """Each line as it comes."""
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        try:
            async for line in self._lines:
                await send(_part(document_to_body(line) + b"\n", more=True))
        except asyncio.CancelledError:  # the agent ends
            await self._lines.aclose()  # type: ignore[attr-defined]
            raise
        await send(_part(b"", more=False))


def _part(body: bytes, *, more: bool) -> Message:
    return {"type": "http.response.body", "body": body, "more_body": more}


def _flow(outgoing: Outgoing) -> Response:
    return Flow(outgoing.parts, outgoing.close, outgoing.headers)


async def _body(request: Request) -> AsyncIterator[bytes]:
    try:
        async for part in request.stream():
            yield part
    except ClientDisconnect:
        raise Refused("what was to be imported broke off before its end", hint="import it again") from None


def _id(request: Request) -> str:
    return str(request.path_params["id"])


def _app(request: Request) -> str:
    return request.query_params.get("app", "")
