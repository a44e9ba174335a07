"""Ending as with Ctrl-C when a terminal is closed or a pipeline is cancelled, so that leases go back then too."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_ENDINGS = (signal.SIGTERM, signal.SIGHUP)


@contextmanager
def interrupts() -> Iterator[None]:
    """In the block, the signals that end a program raise KeyboardInterrupt; those that are ignored stay so."""
    before = {one: signal.getsignal(one) for one in _ENDINGS}
    for one, handler in before.items():
        if handler is signal.SIG_DFL:
            signal.signal(one, _interrupt)
    try:
        yield
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt
