"""Streams into machines over WebSockets (wire/stream.py). The library is imported with the first stream."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from caddis import __version__
from caddis.client.apps import app_path
from caddis.client.request import Query, segment
from caddis.client.settings import Settings
from caddis.domain.errors import Problem, Unreachable
from caddis.wire import stream
from caddis.wire.stream import Channel, SessionRequest, Taking, Window

if TYPE_CHECKING:
    from websockets.sync.client import ClientConnection

OPEN_SECONDS = 40.0
_CLOSE_SECONDS = 5.0


class Stream:
    """One thread may send while another one receives."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self._window = Window()
        self._moved = threading.Condition()
        self._is_over = False
        self._taking = {channel: Taking() for channel in Channel}

    def send(self, data: bytes) -> bool:
        """To INPUT, waiting while the other end has not taken what it was sent; False when the stream is over."""
        while data:
            with self._moved:
                self._moved.wait_for(lambda: self._window.room or self._is_over)
                if self._is_over:
                    return False
                part, data = data[: self._window.room], data[self._window.room :]
                self._window.send(len(part))
            if not self._say(stream.part_to_wire(Channel.INPUT, part)):
                return False
        return True

    def end_input(self) -> None:
        """There will be no more of it."""
        self._say(stream.part_to_wire(Channel.INPUT, b""))

    def begin(self, request: SessionRequest) -> None:
        """The first message of a session."""
        self._say(stream.session_to_wire(request))

    def resize(self, size: stream.Size) -> None:
        """The window has another size now."""
        self._say(stream.word_to_wire(size=stream.size_to_wire(size)))

    def receive(self) -> Iterator[tuple[Channel, bytes] | Mapping[str, Any]]:
        """What comes: bytes (none: the channel's end), which must be given to `taken`, or words. Ends with the stream.

        The Problem that the server tells of; Unreachable when the stream broke off.
        """
        from websockets.exceptions import ConnectionClosed, ConnectionClosedOK

        try:
            while True:
                message = self._socket.recv()
                if isinstance(message, bytes):
                    yield stream.part_from_wire(message)
                    continue
                word = stream.word_from_wire(message)
                if "error" in word:
                    raise _problem(word)
                for channel, count in stream.taken_from_wire(word).items():
                    if channel is Channel.INPUT:
                        with self._moved:
                            self._window.take(count)
                            self._moved.notify_all()
                yield word
        except ConnectionClosedOK:
            return
        except ConnectionClosed as broken:
            raise Unreachable("the connection to the server broke: what ran in the machine was ended") from broken
        finally:
            self.close()

    def taken(self, channel: Channel, count: int) -> None:
        """So many bytes that came have been written on."""
        told = self._taking[channel].count(count)
        if told:
            self._say(stream.taken_to_wire(channel, told))

    def close(self) -> None:
        """Nobody waits in `send` any more, and the other end is told."""
        with self._moved:
            self._is_over = True
            self._moved.notify_all()
        self._socket.close()

    def _say(self, message: bytes | str) -> bool:
        from websockets.exceptions import ConnectionClosed

        try:
            self._socket.send(message)
        except ConnectionClosed:
            return False
        return True


@contextmanager
def open_session(settings: Settings, app: str, machine: str, request: SessionRequest) -> Iterator[Stream]:
    """A program with its streams attached, for the length of the block; it hangs up at the end."""
    with _open(settings, _path(app, machine, "session"), ()) as opened:
        opened.begin(request)
        yield opened


@contextmanager
def open_connection(settings: Settings, app: str, machine: str, port: int) -> Iterator[Stream]:
    """A connection to a TCP port of the machine."""
    with _open(settings, _path(app, machine, "connection"), (("port", str(port)),)) as opened:
        yield opened


@contextmanager
def _open(settings: Settings, path: str, query: Query) -> Iterator[Stream]:
    from websockets.exceptions import InvalidStatus, WebSocketException
    from websockets.sync.client import connect

    token = settings.require_token()
    url = "ws" + settings.url.removeprefix("http") + path + (f"?{urlencode(query)}" if query else "")
    try:
        socket = connect(
            url,
            additional_headers={"authorization": f"Bearer {token}"},
            user_agent_header=f"caddis/{__version__}",
            compression=None,
            proxy=None,
            open_timeout=OPEN_SECONDS,
            close_timeout=_CLOSE_SECONDS,
            ping_timeout=stream.SILENCE_SECONDS,
            max_size=stream.LONGEST_MESSAGE,
            max_queue=None,  # the window bounds it
        )
    except InvalidStatus as refused:
        from caddis.wire.problem import problem_from_wire

        raise problem_from_wire(refused.response.status_code, bytes(refused.response.body or b"")) from None
    except (OSError, TimeoutError, WebSocketException, ValueError) as broken:
        raise Unreachable(
            f"cannot reach the server at {settings.url}: is `caddis up` running?",
            hint="Start it with `caddis up`, or point FLY_FLAPS_BASE_URL at where it runs.",
        ) from broken
    opened = Stream(socket)
    try:
        yield opened
    finally:
        opened.close()


def _path(app: str, machine: str, verb: str) -> str:
    return f"{app_path(app)}/machines/{segment(machine)}/{verb}"


def _problem(word: Mapping[str, Any]) -> Problem:
    import json

    from caddis.wire.problem import problem_from_wire

    return problem_from_wire(int(word.get("status", 500)), json.dumps(word["error"]).encode())
