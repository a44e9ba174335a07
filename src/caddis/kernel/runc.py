"""runc: programs into containers, and containers out of bundles. `root` is the folder where runc keeps its state."""

from __future__ import annotations

import io
import json
import os
import select

from caddis.domain.errors import Problem
from caddis.kernel.command import Command, command, run

_NOT_FOUND = ("executable file not found in $PATH", "no such file or directory")


def start(root: str, name: str, init: int, *, deadline: float = 30.0) -> None:
    """Let a created container's process run; `init` is its pid on the host.

    The process waits until somebody opens the pipe `exec.fifo` for reading. `runc start` does nothing more than that
    and deleting the pipe, and costs 5 to 9 ms; so we do it, and call runc only where there is no such pipe.
    """
    path = f"{root}/{name}/exec.fifo"
    try:
        first = os.pidfd_open(init)  # before it is let go: a program that ends at once is gone a moment later
    except ProcessLookupError:
        raise Problem("the container's first process ended before it could be started") from None
    with open(first, closefd=True, mode="rb", buffering=0) as process:
        try:
            fifo = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except FileNotFoundError:
            run(command("runc", "--root", root, "start", name, deadline=deadline))
            return
        try:
            _await_byte(fifo, process, deadline)
            os.unlink(path)
        finally:
            os.close(fifo)


def _await_byte(fifo: int, process: io.RawIOBase, deadline: float) -> None:
    poll = select.poll()
    poll.register(fifo, select.POLLIN)
    poll.register(process, select.POLLIN)
    ready = dict(poll.poll(deadline * 1000))
    if not ready.get(fifo, 0) & select.POLLIN:
        raise Problem("the container's first process ended before it could be started")


def exec_in(root: str, name: str, process: str, *, cgroup: str, log: str, pid: str = "") -> Command:
    """Run the process described in the file `process` inside a running container, in a group below the container's.

    runc writes its own complaints to `log`, as `read_complaint` reads them, and the process's pid on the host to the
    file `pid`; its exit status is the process's. Where the process is to have a terminal, runc itself must sit at one,
    whose size it hands on at the start and at every SIGWINCH.
    """
    into = ("--cgroup", cgroup) if cgroup else ()
    told = ("--pid-file", pid) if pid else ()
    words = ("runc", "--root", root, "--log", log, "--log-format", "json")
    return command(*words, "exec", "--process", process, *told, *into, name)


def read_complaint(log: str) -> str | None:
    """The last error in a log of runc's own (JSON lines); None when runc had nothing to complain about. Pure."""
    for line in reversed(log.splitlines()):
        try:
            entry = json.loads(line)
        except ValueError:
            continue
        if isinstance(entry, dict) and entry.get("level") in ("error", "fatal"):
            return str(entry.get("msg", "")).strip()
    return None


def is_not_found(complaint: str) -> bool:
    """Whether runc complains that the program to run does not exist."""
    return any(text in complaint for text in _NOT_FOUND)
