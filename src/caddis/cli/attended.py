"""Sitting at a program that runs in a machine: our terminal, or our pipes, are its own while it runs."""

from __future__ import annotations

import os
import select
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from caddis.client.settings import Settings
from caddis.client.streams import Stream, open_session
from caddis.domain.errors import Unreachable
from caddis.wire.stream import PART, Channel, SessionRequest, Size

_STDIN, _STDOUT, _STDERR = 0, 1, 2


def attend(settings: Settings, app: str, machine: str, request: SessionRequest) -> int:
    """The program's exit status, 128 + signal when one ended it; whatever happens, the terminal is as it was."""
    with _noticing_resizes(request) as resized, _at_terminal(request):
        with open_session(settings, app, machine, request) as stream:
            feeder = threading.Thread(target=_feed, args=(stream, resized), daemon=True)
            feeder.start()
            return _show(stream)


def own_size() -> Size:
    """Of the terminal that we sit at, or the usual one."""
    for fd in (_STDIN, _STDOUT, _STDERR):
        try:
            size = os.get_terminal_size(fd)
        except OSError:
            continue
        return Size(size.lines or 24, size.columns or 80)
    return Size(24, 80)


def _show(stream: Stream) -> int:
    code: int | None = None
    for told in stream.receive():
        if not isinstance(told, tuple):
            code = int(told["exit"]) if "exit" in told else code
            continue
        channel, data = told
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(_STDERR if channel is Channel.ERRORS else _STDOUT, rest) :]
        stream.taken(channel, len(data))
    if code is None:
        raise Unreachable("the connection to the machine ended before the program did")
    return code


def _feed(stream: Stream, resized: int) -> None:
    """Runs beside `_show`: what is typed or piped, and the size of the window."""
    sources = [_STDIN, resized]
    while True:
        try:
            ready = select.select(sources, [], [])[0]
            if resized in ready:
                if not os.read(resized, PART):
                    return
                stream.resize(own_size())
            if _STDIN in ready:
                data = os.read(_STDIN, PART)
                if not data:
                    sources.remove(_STDIN)
                    stream.end_input()
                elif not stream.send(data):
                    return
        except (OSError, ValueError):  # stdin was closed before we began
            sources = [one for one in sources if one != _STDIN]
            stream.end_input()


@contextmanager
def _noticing_resizes(request: SessionRequest) -> Iterator[int]:
    """A descriptor that can be read from after each change, and that ends with the block."""
    reading, writing = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)

    def notice(_signal: int, _frame: FrameType | None) -> None:
        try:
            os.write(writing, b"r")
        except BlockingIOError:
            pass  # many are waiting to be seen already

    before = signal.signal(signal.SIGWINCH, notice) if request.size is not None else None
    try:
        yield reading
    finally:
        if before is not None:
            signal.signal(signal.SIGWINCH, before)
        os.close(writing)


@contextmanager
def _at_terminal(request: SessionRequest) -> Iterator[None]:
    """Every key goes to the program, Ctrl-C too; without a terminal on either side, nothing changes."""
    import termios
    import tty

    def end(number: int, _frame: FrameType | None) -> None:
        raise SystemExit(128 + number)

    before = {one: signal.signal(one, end) for one in (signal.SIGTERM, signal.SIGHUP)}
    is_raw = request.size is not None and os.isatty(_STDIN)
    kept = termios.tcgetattr(_STDIN) if is_raw else None
    try:
        if is_raw:
            tty.setraw(_STDIN, termios.TCSADRAIN)
        yield
    finally:
        if kept is not None:
            termios.tcsetattr(_STDIN, termios.TCSADRAIN, kept)
        for one, handler in before.items():
            signal.signal(one, handler)
        sys.stdout.flush()
