"""What must not be left half-done on Ctrl-C: between a machine that goes and the one that takes its place."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from caddis.domain.errors import Problem

FINISH_SECONDS = 60.0
_POLL_SECONDS = 0.2


class Finishing:
    """Threads enter it for the few seconds of such a part; who wants to end the program waits for them."""

    def __init__(self) -> None:
        self._left = threading.Condition()
        self._inside = 0
        self._closed = False

    @contextmanager
    def part(self) -> Iterator[None]:
        """Begun is finished; Problem when the program is ending already."""
        with self._left:
            if self._closed:
                raise Problem("the deploy was interrupted")
            self._inside += 1
        try:
            yield
        finally:
            with self._left:
                self._inside -= 1
                self._left.notify_all()

    def close(self, seconds: float) -> None:
        """None begins any more; returns when none is under way."""
        over = time.monotonic() + seconds
        with self._left:
            self._closed = True
            while self._inside and time.monotonic() < over:
                self._left.wait(_POLL_SECONDS)  # in short waits, so that a second Ctrl-C is heard
