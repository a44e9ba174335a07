"""Holding a file system still. A frozen file system is clean on its device, and whoever writes to it waits.

The freezing is done by a program of its own (`python freeze.py FOLDER SECONDS`): it thaws when it is told to, when
its time is over, and when whoever asked has died, because then its standard input ends. So an agent that is killed
never leaves a file system frozen. Were the program killed too, the resumed operation thaws (`ensure_thawed`).

This file is run by its path, without the rest of Caddis, so that it starts in 20 ms; it may import the standard
library only, but for what `frozen` imports.
"""

from __future__ import annotations

import errno
import fcntl
import os
import select
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

_FIFREEZE, _FITHAW = 0xC0045877, 0xC0045878  # linux/fs.h: _IOWR('X', 119, int), _IOWR('X', 120, int)


@contextmanager
def frozen(folder: str, *, seconds: float) -> Iterator[None]:
    """The file system mounted on `folder` stands still for the length of the block, `seconds` at most.

    Problem when it could not be frozen, or when the time was over before the block was: what was done in it may then
    be torn, and counts for nothing.
    """
    from caddis.domain.errors import Problem
    from caddis.kernel.command import Command, converse

    program = Command(argv=(sys.executable, "-I", "-S", __file__, folder, str(seconds)), deadline=seconds + 30)
    with converse(program) as freezer:
        if (answer := freezer.ask("freeze")) != "frozen":
            raise Problem(f"the file system on {folder} could not be frozen: {answer or 'the program was killed'}")
        yield
        if (answer := freezer.ask("thaw")) != "thawed":
            raise Problem(f"the file system on {folder} was thawed before its copy was whole: {answer or 'killed'}")


def ensure_thawed(folder: str) -> bool:
    """Thaw the file system mounted on `folder`; False when it was not frozen."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.ioctl(fd, _FITHAW, 0)
    except OSError as refused:
        if refused.errno == errno.EINVAL:
            return False
        raise
    finally:
        os.close(fd)
    return True


def _main(folder: str, seconds: float) -> None:
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    if not sys.stdin.buffer.readline():
        return
    try:
        fcntl.ioctl(fd, _FIFREEZE, 0)
    except OSError as refused:
        print(refused.strerror, flush=True)  # noqa: T201  the answer to who asked
        return
    overdue = False
    try:
        until = time.monotonic() + seconds
        _say("frozen")
        overdue = not select.select([0], [], [], max(0.0, until - time.monotonic()))[0]
    finally:
        fcntl.ioctl(fd, _FITHAW, 0)
    _say("it took too long" if overdue else "thawed")


def _say(word: str) -> None:
    try:
        os.write(1, f"{word}\n".encode())
    except BrokenPipeError:  # nobody listens any more: that is what this program is for
        pass


if __name__ == "__main__":
    _main(sys.argv[1], float(sys.argv[2]))
