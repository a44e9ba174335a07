"""Between a stream's messages (wire/stream.py) and descriptors: bytes both ways, with bounds and half-closed ends."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from typing import Any, Protocol

import anyio
from anyio.abc import TaskGroup
from starlette.websockets import WebSocket, WebSocketDisconnect

from caddis.agent.descriptors import read_part, write_all
from caddis.domain.errors import Invalid
from caddis.telemetry.log import note
from caddis.wire import stream
from caddis.wire.stream import WINDOW, Channel, Taking, Window


class Ends(Protocol):
    """What is at our end of the stream. `waits_for_input`: it has not ended while input may come."""

    waits_for_input: bool

    @property
    def input(self) -> int:
        """Where INPUT is written to."""

    @property
    def outputs(self) -> Mapping[Channel, int]:
        """What is read from."""

    async def end_input(self) -> None:
        """There will be no more of it."""


class Bridge:
    """Of one stream."""

    def __init__(self, socket: WebSocket, ends: Ends, on_size: Callable[[int, int], None]) -> None:
        self._socket, self._ends, self._on_size = socket, ends, on_size
        self._windows = {channel: Window() for channel in ends.outputs}
        self._pending: deque[bytes] = deque()
        self._pending_bytes = 0
        self._is_heard = True  # whether somebody still reads the input
        self._moved = anyio.Event()
        self._left = len(ends.outputs) + (1 if ends.waits_for_input else 0)
        self._is_whole = False

    async def run(self) -> bool:
        """Until all has been said, or the other end is gone: then False."""
        async with anyio.create_task_group() as group:
            group.start_soon(self._listen, group)
            group.start_soon(self._write, group)
            for channel, fd in self._ends.outputs.items():
                group.start_soon(self._read, group, channel, fd)
        return self._is_whole

    async def _listen(self, group: TaskGroup) -> None:
        try:
            while (message := await self._socket.receive())["type"] == "websocket.receive":
                self._take(message)
        except Invalid as problem:
            note("a stream was ended: the other end does not keep to the rules", why=problem.message)
        group.cancel_scope.cancel()

    def _take(self, message: Mapping[str, Any]) -> None:
        if message.get("bytes") is not None:
            channel, data = stream.part_from_wire(message["bytes"])
            if channel is not Channel.INPUT:
                raise Invalid("only input may come in")
            self._pending.append(data)
            self._pending_bytes += len(data)
            if self._pending_bytes > WINDOW:
                raise Invalid("there is more input than the window holds")
        else:
            word = stream.word_from_wire(message["text"])
            for channel, count in stream.taken_from_wire(word).items():
                if channel in self._windows:
                    self._windows[channel].take(count)
            size = stream.size_from_wire(word.get("size"))
            if size is not None:
                self._on_size(size.rows, size.columns)
        self._move()

    def _move(self) -> None:
        self._moved.set()
        self._moved = anyio.Event()

    async def _write(self, group: TaskGroup) -> None:
        taking = Taking()
        while True:
            while not self._pending:
                await self._moved.wait()
            data = self._pending.popleft()
            if not data:
                break
            self._is_heard = self._is_heard and await write_all(self._ends.input, data)
            self._pending_bytes -= len(data)
            told = taking.count(len(data))
            if told:
                await self._say(group, stream.taken_to_wire(Channel.INPUT, told))
        await self._ends.end_input()
        if self._ends.waits_for_input:
            self._end(group)

    async def _read(self, group: TaskGroup, channel: Channel, fd: int) -> None:
        window = self._windows[channel]
        while data := await read_part(fd):
            while data:
                while not (room := window.room):
                    await self._moved.wait()
                part, data = data[:room], data[room:]
                window.send(len(part))
                await self._say(group, stream.part_to_wire(channel, part))
        await self._say(group, stream.part_to_wire(channel, b""))
        self._end(group)

    def _end(self, group: TaskGroup) -> None:
        self._left -= 1
        if not self._left:
            self._is_whole = True
            group.cancel_scope.cancel()

    async def _say(self, group: TaskGroup, message: bytes | str) -> None:
        try:
            if isinstance(message, bytes):
                await self._socket.send_bytes(message)
            else:
                await self._socket.send_text(message)
        except (WebSocketDisconnect, RuntimeError):  # the latter when the disconnect was read already
            group.cancel_scope.cancel()
