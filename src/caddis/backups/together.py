"""Doing one thing to many, several at a time, with bounded memory."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from caddis.backups.manifest import CHUNKS, chunk_object
from caddis.backups.objects import Objects

THREADS = 8  # hides the way to a store, at some 8 MB each; hashing, compressing and sealing run without Python's lock
_FEW = 256

Item = TypeVar("Item")
Result = TypeVar("Result")


def each(items: Iterable[Item], work: Callable[[Item], Result]) -> Iterator[tuple[Item, Result]]:
    """Every item with what `work` made of it, in order. The first problem ends it; what has begun is waited for.

    At most THREADS run at once, and at most twice as many items are under way.
    """
    waiting: deque[tuple[Item, Future[Result]]] = deque()
    with ThreadPoolExecutor(THREADS, thread_name_prefix="kept") as pool:
        try:
            for item in items:
                waiting.append((item, pool.submit(work, item)))
                if len(waiting) >= 2 * THREADS:
                    done, future = waiting.popleft()
                    yield done, future.result()
            while waiting:
                done, future = waiting.popleft()
                yield done, future.result()
        finally:
            for _, future in waiting:
                future.cancel()


def find_present(objects: Objects, names: set[str]) -> set[str]:
    """Which of these chunks the store has: asked one by one, or from one list when they are many."""
    if len(names) <= _FEW:
        return {name for name, there in each(names, lambda name: objects.exists(chunk_object(name))) if there}
    stored = (found.name.rpartition("/")[2] for found in objects.list_objects(CHUNKS))
    return {name for name in stored if name in names}
