"""The one way from async code into the catalog."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import ParamSpec, TypeVar

import anyio
import anyio.to_thread

from caddis.catalog.database import AT_ONCE

P = ParamSpec("P")
T = TypeVar("T")
_limiter: anyio.CapacityLimiter | None = None


async def in_thread(work: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    """Run blocking `work` in a thread. It is never abandoned: what it started, it finishes."""
    global _limiter
    if _limiter is None:
        _limiter = anyio.CapacityLimiter(AT_ONCE)
    return await anyio.to_thread.run_sync(partial(work, *args, **kwargs), limiter=_limiter)
