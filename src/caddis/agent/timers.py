"""One timer for each machine: the next thing that is due to it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


class Timers:
    """Belongs to one event loop."""

    def __init__(self) -> None:
        self._handles: dict[str, asyncio.TimerHandle] = {}

    def set(self, id: str, seconds: float, then: Callable[[], None]) -> None:
        """Call `then` in so many seconds, instead of what was to come."""
        self.cancel(id)
        self._handles[id] = asyncio.get_running_loop().call_later(seconds, then)

    def cancel(self, id: str) -> None:
        """Nothing is due any more."""
        handle = self._handles.pop(id, None)
        if handle is not None:
            handle.cancel()

    def close(self) -> None:
        """Cancel all."""
        for id in list(self._handles):
            self.cancel(id)
