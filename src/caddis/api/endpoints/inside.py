"""Ways into running machines: programs that someone sits at, connections to their ports, and their files."""

from __future__ import annotations

from starlette.responses import Response
from starlette.websockets import WebSocket, WebSocketDisconnect

from caddis.api.call import Call
from caddis.api.endpoints.files import pass_on
from caddis.control.passages import find_way, open_guest_files, pass_messages

FILE_LIMIT = 1 << 42  # bytes: more than any file system here holds


async def get_files(call: Call) -> Response:
    """Of a running machine: `as` is list (JSON), content (of a file), tar (of a folder) or names (of all below it)."""
    app = await call.app()
    return await pass_on(open_guest_files(call.control, app.name, call.path("id"), call.query))


async def put_file(call: Call) -> Response:
    """The body becomes a new file of a running machine, at `path`, with `mode` and `user`; none is replaced."""
    app = await call.app()
    content = call.stream(FILE_LIMIT)
    answer = await pass_on(
        open_guest_files(call.control, app.name, call.path("id"), call.query, content=content), listens=False
    )
    answer.headers["connection"] = "close"
    return answer


async def open_session(call: Call, socket: WebSocket) -> None:
    """Run a program with its streams attached; the first message says which (decision 0036)."""
    await _pass(call, socket, "session")


async def open_connection(call: Call, socket: WebSocket) -> None:
    """Bytes to and from a TCP `port` of a running machine."""
    await _pass(call, socket, "connection")


async def _pass(call: Call, socket: WebSocket, verb: str) -> None:
    app = await call.app()
    host, order = await find_way(call.control, app.name, call.path("id"), verb, query=call.query)
    async with call.control.doors.socket(host, order) as connection:
        await socket.accept()
        await pass_messages(_Peer(socket), connection)
        await _Peer(socket).close()


class _Peer:
    def __init__(self, socket: WebSocket) -> None:
        self._socket = socket

    async def receive(self) -> bytes | str | None:
        message = await self._socket.receive()
        if message["type"] != "websocket.receive":
            return None
        found: bytes | str = message["bytes"] if message.get("bytes") is not None else message["text"]
        return found

    async def send(self, message: bytes | str) -> None:
        try:
            if isinstance(message, bytes):
                await self._socket.send_bytes(message)
            else:
                await self._socket.send_text(message)
        except (WebSocketDisconnect, RuntimeError):
            pass  # `receive` tells of it

    async def close(self) -> None:
        try:
            await self._socket.close()
        except (WebSocketDisconnect, RuntimeError):
            pass  # it was quicker
