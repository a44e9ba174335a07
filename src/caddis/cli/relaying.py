"""A local port whose connections end at a port of a machine: each is a stream of its own."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from caddis.client.settings import Settings
from caddis.client.streams import Stream, open_connection
from caddis.domain.errors import Conflict, Invalid, Problem
from caddis.wire.stream import PART, Channel

MOST = 256  # connections at once; more wait until one has ended
_BACKLOG = 128


@contextmanager
def listening(address: str, port: int) -> Iterator[socket.socket]:
    """A socket that listens there; Conflict when it cannot."""
    try:
        family, kind, protocol, _name, where = socket.getaddrinfo(address, port, type=socket.SOCK_STREAM)[0]
    except OSError as unknown:
        raise Invalid(f"{address!r} is not an address to listen on: write it like 127.0.0.1") from unknown
    with socket.socket(family, kind, protocol) as door:
        door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            door.bind(where)
        except OSError as refused:
            hint = f"Choose another local port: fly proxy {port + 1 if port < 65535 else 8080}:REMOTE"
            why = (refused.strerror or str(refused)).lower()
            raise Conflict(f"cannot listen on {address}:{port}: {why}", hint=hint) from refused
        door.listen(_BACKLOG)
        yield door


def relay(door: socket.socket, settings: Settings, target: tuple[str, str, int], tell: Callable[[str], None]) -> None:
    """Each connection that comes, to the `target`'s app, machine and port, for ever. `tell` says why one was closed."""
    room = threading.BoundedSemaphore(MOST)

    def serve(connection: socket.socket) -> None:
        try:
            with connection:
                _serve(connection, settings, target)
        except Problem as problem:
            tell(f"A connection was closed: {problem.message}")
        finally:
            room.release()

    while True:
        room.acquire()
        connection, _peer = door.accept()
        threading.Thread(target=serve, args=(connection,), daemon=True).start()


def _serve(connection: socket.socket, settings: Settings, target: tuple[str, str, int]) -> None:
    app, machine, port = target
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    with open_connection(settings, app, machine, port) as stream:
        feeder = threading.Thread(target=_feed, args=(connection, stream), daemon=True)
        feeder.start()
        for told in stream.receive():
            if isinstance(told, tuple) and told[0] is Channel.OUTPUT:
                try:
                    if told[1]:
                        connection.sendall(told[1])
                    else:
                        connection.shutdown(socket.SHUT_WR)
                except OSError:  # whoever connected is gone
                    break
                stream.taken(Channel.OUTPUT, len(told[1]))
        with suppress(OSError):
            connection.shutdown(socket.SHUT_RDWR)  # the feeder must not wait for it any longer
        feeder.join()


def _feed(connection: socket.socket, stream: Stream) -> None:
    try:
        while data := connection.recv(PART):
            if not stream.send(data):
                return
    except OSError:  # it was reset: then so is the other side
        stream.close()
        return
    stream.end_input()
