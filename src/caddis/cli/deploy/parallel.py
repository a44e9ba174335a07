"""Several jobs at once, the first failure ending the rest that has not begun."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Sequence

Job = Callable[[], None]


def in_parallel(jobs: Sequence[Job], *, at_once: int, go_on: bool = False) -> None:
    """Run all; raises the first failure, when all that had begun have ended. With `go_on` all are attempted.

    The threads are daemons, so that Ctrl-C ends the program without waiting for what they wait for.
    """
    waiting: queue.SimpleQueue[Job] = queue.SimpleQueue()
    for job in jobs:
        waiting.put(job)
    failures: list[BaseException] = []
    ended = threading.Semaphore(0)

    def work() -> None:
        try:
            while go_on or not failures:
                try:
                    job = waiting.get_nowait()
                except queue.Empty:
                    return
                try:
                    job()
                except Exception as failure:  # noqa: BLE001  # the top of a thread: raised again by who waits for it
                    failures.append(failure)
        finally:
            ended.release()

    count = min(at_once, len(jobs))
    for _ in range(count):
        threading.Thread(target=work, daemon=True).start()
    for _ in range(count):
        while not ended.acquire(timeout=0.2):  # in short waits, so that Ctrl-C is heard
            pass
    if failures:
        raise failures[0]
