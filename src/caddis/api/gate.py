"""What every request passes: a number, the token, and plain words for whatever goes wrong."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass

from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from caddis.api.access import Access, authorise, authorise_host
from caddis.api.call import Call, reply
from caddis.catalog.tokens import Caller
from caddis.control.core import Control
from caddis.domain.app import Organization
from caddis.domain.errors import NotFound, Problem, Refused, Unreachable
from caddis.domain.ids import ulid
from caddis.telemetry.log import note, note_bug
from caddis.wire.problem import problem_to_wire

Endpoint = Callable[[Call], Awaitable[Response]]
SocketEndpoint = Callable[[Call, WebSocket], Awaitable[None]]
REQUEST_ID = "fly-request-id"

_NOBODY = Caller(token_id=0, name="", organization=Organization(id=0, slug="", name=""), app=None, read_only=True)


@dataclass(frozen=True, slots=True)
class Gate:
    """Around one endpoint: lets in whom `access` names."""

    endpoint: Endpoint
    access: Access
    control: Control

    async def handle(self, request: Request) -> Response:
        """The endpoint's response, or the problem that it or the token raised, shown."""
        try:
            return await self.endpoint(Call(request, self.control, await self._caller(request)))
        except Problem as problem:
            return show(request, problem)
        except HTTPException:
            raise
        except Exception as bug:  # noqa: BLE001  the top of a request: anything else is a bug, told without its insides
            incident = str(request.scope["caddis_request_id"])
            note_bug("request failed", bug, incident=incident, method=request.method, path=request.url.path)
            return show(request, _our_fault(incident))

    async def _caller(self, request: Request) -> Caller:
        match self.access:
            case Access.OPEN:
                return _NOBODY
            case Access.HOST:
                await authorise_host(request, self.control)
                return _NOBODY
            case _:
                return await authorise(request, self.control, self.access)


@dataclass(frozen=True, slots=True)
class SocketGate:
    """Around one endpoint whose answer is a WebSocket, if it raises no Problem before that is accepted."""

    endpoint: SocketEndpoint
    access: Access
    control: Control

    async def handle(self, socket: WebSocket) -> None:
        """The endpoint; a Problem is answered over HTTP, in place of the WebSocket."""
        try:
            request = Request({**socket.scope, "type": "http", "method": "GET"})  # which is what it began as
            caller = await authorise(request, self.control, self.access)
            await self.endpoint(Call(request, self.control, caller), socket)
        except WebSocketDisconnect:
            return
        except Problem as problem:
            await self._refuse(socket, problem)
        except Exception as bug:  # noqa: BLE001  the top of a request, as above
            incident = ulid(int(self.control.now().timestamp() * 1000), self.control.id_bytes())
            note_bug("stream failed", bug, incident=incident, path=socket.url.path)
            await self._refuse(socket, _our_fault(incident))

    async def _refuse(self, socket: WebSocket, problem: Problem) -> None:
        if socket.application_state is WebSocketState.CONNECTING:
            await socket.send_denial_response(show(socket, problem))
        elif socket.application_state is WebSocketState.CONNECTED:
            with suppress(WebSocketDisconnect, RuntimeError):  # it is gone already
                await socket.close(1011)


def _our_fault(incident: str) -> Problem:
    return Problem(f"something went wrong on our side (incident {incident})", hint="the server's log has the details")


def show(request: HTTPConnection, problem: Problem) -> Response:
    """The problem as clients read it."""
    status, body = problem_to_wire(problem)
    note(
        "request refused",
        level=logging.DEBUG,
        method=request.scope.get("method", "WEBSOCKET"),
        path=request.url.path,
        status=status,
        reason=problem.message,
    )
    return reply(body, status)


async def show_unrouted(request: Request, problem: Exception) -> Response:
    """No such path, or not by that method."""
    if isinstance(problem, HTTPException) and problem.status_code == 405:
        refused = Refused(f"{request.url.path} cannot be asked with {request.method}")
        return reply(problem_to_wire(refused)[1], 405, problem.headers)
    return show(request, NotFound(f"there is nothing at {request.url.path}"))


@dataclass(frozen=True, slots=True)
class Numbered:
    """Gives every request an id, which the answer carries and the log names."""

    app: ASGIApp
    control: Control

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, with the id in the answer's headers."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        milliseconds = int(self.control.now().timestamp() * 1000)
        scope["caddis_request_id"] = ulid(milliseconds, self.control.id_bytes())

        started = False

        async def send_numbered(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                number = (REQUEST_ID.encode(), scope["caddis_request_id"].encode())
                message["headers"] = [*message.get("headers", ()), number]
            await send(message)

        try:
            await self.app(scope, receive, send_numbered)
        except asyncio.CancelledError:  # the server ends, and its grace is over (main.py)
            if not started:
                await _show_end()(scope, receive, send_numbered)


def _show_end() -> Response:
    ending = Unreachable("the server is ending: what you asked for may still be carried out", hint="ask again shortly")
    status, body = problem_to_wire(ending)
    return reply(body, status)
