"""How far the index is with each host's reports, for whoever has just changed something and wants to see it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import anyio

PATIENCE = 2.0  # seconds; then we answer all the same: the change is real, only lists may lag behind
_LOOK_EVERY = 0.2  # seconds; reports may also reach another API process than the one that waits


class Taken:
    """Belongs to one event loop."""

    def __init__(self) -> None:
        self._sequences: dict[str, int] = {}
        self._changed = anyio.Event()

    def tell(self, host: str, sequence: int) -> None:
        """The index has this host's reports up to `sequence`. It goes down when a host begins a new book."""
        self._sequences[host] = sequence
        changed, self._changed = self._changed, anyio.Event()
        changed.set()

    async def wait(self, host: str, sequence: int, look: Callable[[], Awaitable[int]]) -> bool:
        """Whether the index came so far within `PATIENCE`; `look` asks the catalog itself."""
        with anyio.move_on_after(PATIENCE):
            while self._sequences.get(host, 0) < sequence:
                changed = self._changed
                with anyio.move_on_after(_LOOK_EVERY) as pause:
                    await changed.wait()
                if pause.cancelled_caught:
                    self._sequences[host] = await look()
            return True
        return False
