"""Ways into machines: streams, which are passed on message by message, and the files of running machines."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from typing import Protocol

import anyio
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from caddis.control.core import Control
from caddis.control.files import Stream, open_stream
from caddis.control.machines import find_machine
from caddis.control.orders import Order, Query
from caddis.domain.errors import Unreachable
from caddis.domain.host import Host
from caddis.wire.problem import problem_to_wire
from caddis.wire.stream import word_to_wire

OPEN_SECONDS = 30.0


class Peer(Protocol):
    """Whoever asked for a stream."""

    async def receive(self) -> bytes | str | None:
        """The next message; None when it is gone."""

    async def send(self, message: bytes | str) -> None:
        """Hand it on; silent when it is gone."""


async def find_way(control: Control, app: str, machine_id: str, verb: str, *, query: Query) -> tuple[Host, Order]:
    """The machine's host, and what to ask of it."""
    found = await find_machine(control, app, machine_id)
    query = tuple((key, value) for key, value in query if key != "app")
    order = Order(method="GET", path=f"/machines/{machine_id}/{verb}", app=app, query=query, seconds=OPEN_SECONDS)
    return await control.get_host(found.host), order


async def pass_messages(peer: Peer, connection: ClientConnection) -> None:
    """Both ways, until one end is gone. Nobody sends more than the other takes (wire/stream.py): none piles up here."""

    async def inwards(scope: anyio.CancelScope) -> None:
        try:
            while (message := await peer.receive()) is not None:
                await connection.send(message)
        except ConnectionClosed:
            pass
        scope.cancel()

    async with anyio.create_task_group() as group:
        group.start_soon(inwards, group.cancel_scope)
        try:
            while True:
                await peer.send(await connection.recv())
        except ConnectionClosed as closed:
            if closed.rcvd is None or closed.rcvd.code != 1000:
                status, body = problem_to_wire(Unreachable("the machine's host broke off: is its agent running?"))
                await peer.send(word_to_wire(error=body, status=status))
        group.cancel_scope.cancel()


@asynccontextmanager
async def open_guest_files(
    control: Control, app: str, machine_id: str, query: Query, *, content: AsyncIterator[bytes] | None = None
) -> AsyncIterator[Stream]:
    """Of a running machine: a listing, a file, a folder or names, as the query says; with `content`, a new file."""
    host, order = await find_way(control, app, machine_id, "files", query=query)
    order = replace(order, method="GET" if content is None else "PUT")
    opening: AbstractAsyncContextManager[Stream] = open_stream(control, host, order, content)
    async with opening as stream:
        yield stream
