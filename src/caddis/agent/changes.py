"""Waiting for the book to change: many coroutines wait, any thread may tell."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


class Changes:
    """Belongs to one event loop."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._changed = asyncio.Event()

    def tell(self) -> None:
        """Something changed. From any thread; silent once the loop has ended."""
        try:
            self._loop.call_soon_threadsafe(self._fire)
        except RuntimeError:
            pass  # the loop is closed: nobody waits any more

    def _fire(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()

    async def wait(self, timeout: float) -> None:
        """Return at the next change, or after `timeout` seconds."""
        changed = self._changed
        try:
            await asyncio.wait_for(changed.wait(), timeout)
        except TimeoutError:
            pass

    async def wait_until(self, look: Callable[[], T | None], timeout: float) -> T | None:
        """The first thing `look` finds, looking again at every change; None when `timeout` seconds have passed."""
        deadline = self._loop.time() + timeout
        while True:
            changed = self._changed  # taken before looking, so that no change falls between
            found = look()
            left = deadline - self._loop.time()
            if found is not None or left <= 0:
                return found
            try:
                await asyncio.wait_for(changed.wait(), left)
            except TimeoutError:
                pass
