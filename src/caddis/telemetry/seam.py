"""Named places where a test may fail, die or swap the world. In production a seam is one attribute look-up.

A test in the same process calls `watch`; a test that kills a real daemon sets CADDIS_DIE_AT to a seam's name, and the
daemon ends itself there with SIGKILL, so that nothing gets a chance to tidy up.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_watcher: Callable[[str], None] | None = None


def seam(name: str) -> None:
    """Mark a place, such as "volume.create/1/format:after"."""
    if _watcher is not None:
        _watcher(name)


@contextmanager
def watch(watcher: Callable[[str], None]) -> Iterator[None]:
    """Call `watcher` with the name of every seam that is passed, in any thread, until the block ends."""
    global _watcher
    before, _watcher = _watcher, watcher
    try:
        yield
    finally:
        _watcher = before


def die_at(name: str) -> None:
    """From now on, end this process with SIGKILL where it passes the seam of that name."""
    global _watcher

    def die(passed: str) -> None:
        if passed == name:
            os.kill(os.getpid(), signal.SIGKILL)

    _watcher = die


if os.environ.get("CADDIS_DIE_AT"):
    die_at(os.environ["CADDIS_DIE_AT"])
