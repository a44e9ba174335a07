"""The part of the agent's door through which one gets into machines: sessions, connections and files."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import anyio
from starlette.requests import ClientDisconnect, HTTPConnection, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from caddis.agent.orders.guest_files import GuestFileOrders
from caddis.agent.orders.sessions import SessionOrders
from caddis.agent.streams import Flow
from caddis.domain.errors import Invalid, Problem, Refused
from caddis.telemetry.log import note_bug
from caddis.wire.problem import problem_to_wire
from caddis.wire.stream import session_from_wire, word_to_wire

Handler = Callable[[Request], Awaitable[Response]]
SocketHandler = Callable[[WebSocket], Awaitable[None]]
_FIRST_WORD_SECONDS = 15.0


class StreamDoor:
    """Its routes are the door's."""

    def __init__(self, sessions: SessionOrders, files: GuestFileOrders) -> None:
        self._sessions, self._files = sessions, files

    def routes(self) -> list[tuple[str, str, Handler]]:
        """Method, path, handler."""
        return [("GET", "/machines/{id}/files", self._get_files), ("PUT", "/machines/{id}/files", self._put_file)]

    def sockets(self) -> list[BaseRoute]:
        """Those that are WebSockets."""
        return [
            WebSocketRoute("/machines/{id}/session", _told(self._session)),
            WebSocketRoute("/machines/{id}/connection", _told(self._connection)),
        ]

    async def _session(self, socket: WebSocket) -> None:
        await socket.accept()
        try:
            with anyio.fail_after(_FIRST_WORD_SECONDS):
                first = await socket.receive_text()
        except TimeoutError:
            raise Invalid("the first message must say what to run") from None
        except KeyError:
            raise Invalid("the first message must be text") from None
        await self._sessions.run(_id(socket), _app(socket), session_from_wire(first), socket)

    async def _connection(self, socket: WebSocket) -> None:
        port = socket.query_params.get("port", "")
        if not port.isdecimal() or not 0 < int(port) < 1 << 16:
            raise Invalid(f"port {port!r} is not one of 1 to 65535", field="port")
        await self._sessions.connect(_id(socket), _app(socket), int(port), socket)

    async def _get_files(self, request: Request) -> Response:
        """`as`: list (the default), content of a file, tar of a folder, or names of all that is below it."""
        id, app, path = _id(request), _app(request), request.query_params.get("path", "/")
        match request.query_params.get("as", "list"):
            case "list":
                return JSONResponse(await self._files.list(id, app, path))
            case "content" | "tar" | "names" as wanted:
                outgoing = await self._files.open(id, app, path, wanted)
                return Flow(outgoing.parts, outgoing.close, outgoing.headers)
            case other:
                raise Invalid(f"as is {other!r}: it is one of list, content, tar, names", field="as")

    async def _put_file(self, request: Request) -> Response:
        query = request.query_params
        receiving = self._files.receive(_id(request), _app(request), query.get("path", ""))
        try:
            async with receiving(query.get("mode", "0644"), query.get("user", "")) as write:
                async for part in request.stream():
                    await write(part)
        except ClientDisconnect:
            raise Refused("the file broke off before its end: nothing of it is there") from None
        return JSONResponse({"ok": True})


def _told(handler: SocketHandler) -> SocketHandler:
    """A Problem is told in words before the end, or, as HTTP, in place of a stream that was not begun."""

    async def handle(socket: WebSocket) -> None:
        try:
            await handler(socket)
        except WebSocketDisconnect:
            return
        except Problem as problem:
            await _tell(socket, problem)
        except Exception as bug:  # noqa: BLE001  the top of a request
            note_bug("bug at the door", bug, path=socket.url.path)
            await _tell(socket, Problem("something went wrong on our side", hint="the agent's log has the details"))
        else:
            await _close(socket)

    return handle


async def _tell(socket: WebSocket, problem: Problem) -> None:
    status, body = problem_to_wire(problem)
    try:
        if socket.application_state is WebSocketState.CONNECTING:
            await socket.send_denial_response(JSONResponse(body, status_code=status))
            return
        await socket.send_text(word_to_wire(error=body, status=status))
    except (WebSocketDisconnect, RuntimeError):
        return
    await _close(socket)


async def _close(socket: WebSocket) -> None:
    try:
        await socket.close()
    except (WebSocketDisconnect, RuntimeError):
        pass  # the other end was quicker


def _id(request: HTTPConnection) -> str:
    return str(request.path_params["id"])


def _app(request: HTTPConnection) -> str:
    return request.query_params.get("app", "")
