"""The one way from the agent's loops into the blocking rooms."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

import anyio
import anyio.to_thread

T = TypeVar("T")
_AT_ONCE = 48  # threads; each waits on a program or an fsync most of its time
_limiter: anyio.CapacityLimiter | None = None


async def in_thread(work: Callable[..., T], *args: Any, **named: Any) -> T:
    """Run blocking `work` in a thread. It is never abandoned: what it started, it finishes."""
    global _limiter
    if _limiter is None:
        _limiter = anyio.CapacityLimiter(_AT_ONCE)
    return await anyio.to_thread.run_sync(partial(work, *args, **named), limiter=_limiter)


async def in_limited_thread(limiter: anyio.CapacityLimiter, work: Callable[..., T], *args: Any, **named: Any) -> T:
    """The same beside the others, for work that waits on what users wrote: it must not hold up the agent's own."""
    return await anyio.to_thread.run_sync(partial(work, *args, **named), limiter=limiter)
