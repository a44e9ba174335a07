"""The application: routes behind gates."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import Route, WebSocketRoute

from caddis.api.gate import Gate, Numbered, SocketGate, show_unrouted
from caddis.api.routes import ENTRIES, PASSAGES
from caddis.control.core import Control


def make_app(control: Control, data: Path) -> Starlette:
    """The ASGI application over this control, which it closes at its end. `data` is the installation's folder."""

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        yield
        await control.doors.close()
        control.catalog.close()

    routes = [
        Route(entry.path, Gate(entry.endpoint, entry.access, control).handle, methods=[entry.method])
        for entry in ENTRIES
    ]
    sockets = [
        WebSocketRoute(passage.path, SocketGate(passage.endpoint, passage.access, control).handle)
        for passage in PASSAGES
    ]
    app = Starlette(
        routes=[*routes, *sockets],
        middleware=[Middleware(Numbered, control=control)],
        exception_handlers={404: show_unrouted, 405: show_unrouted},
        lifespan=lifespan,
    )
    app.state.data = data
    return app
