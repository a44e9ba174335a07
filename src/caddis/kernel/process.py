"""What /proc and pidfds tell about processes, whoever started them."""

from __future__ import annotations

import contextlib
import os
import select
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Stat:
    """The fields of /proc/<pid>/stat that we read: times in clock ticks, `started` after boot."""

    state: str
    session: int
    cpu: int
    started: int


def find_stat(pid: int) -> Stat | None:
    """None when there is no such process."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(errors="replace")
    except OSError:
        return None
    fields = text.rpartition(")")[2].split()  # a program's name may hold blanks and brackets
    return Stat(state=fields[0], session=int(fields[3]), cpu=int(fields[11]) + int(fields[12]), started=int(fields[19]))


def is_running(pid: int, started: int) -> bool:
    """Whether this very process (pids come round again; with its start they do not) runs and is no zombie."""
    stat = find_stat(pid)
    return stat is not None and stat.started == started and stat.state not in ("Z", "X")


def is_ending(pid: int) -> bool:
    """Whether it has ended or begun to: it gives up its namespaces first.

    A namespace's first process may then stay until the last other one is gone, and is no zombie yet.
    """
    try:
        os.readlink(f"/proc/{pid}/ns/ipc")
    except OSError:
        return True
    return False


def read_arguments(pid: int) -> list[str]:
    """argv; empty for a kernel thread, a zombie or nothing."""
    try:
        raw = Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return []
    return raw.rstrip(b"\0").decode(errors="replace").split("\0") if raw else []


def list_with_argument(argument: str) -> list[int]:
    """Pids of the running processes that were given exactly this argument. Reads all of /proc: some milliseconds."""
    pids = [int(entry) for entry in os.listdir("/proc") if entry.isdigit()]
    return [pid for pid in pids if argument in read_arguments(pid)]


def list_ignored(pid: int) -> frozenset[int]:
    """The signals that it has chosen to ignore."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text(errors="replace").splitlines()
    except OSError:
        return frozenset()
    mask = next((int(line.split()[1], 16) for line in lines if line.startswith("SigIgn:")), 0)
    return frozenset(number for number in range(1, 65) if mask >> (number - 1) & 1)


@contextlib.contextmanager
def hold(pid: int) -> Iterator[int | None]:
    """A pidfd, which goes on meaning the same process; None when there is no such process."""
    try:
        fd = os.pidfd_open(pid)
    except ProcessLookupError:
        yield None
        return
    try:
        yield fd
    finally:
        os.close(fd)


def send(pidfd: int, number: int) -> None:
    """Send a signal; silent when the process has ended."""
    try:
        signal.pidfd_send_signal(pidfd, number)
    except ProcessLookupError:
        pass


def wait_end(pidfd: int, seconds: float) -> bool:
    """Whether it ended within that time."""
    poll = select.poll()
    poll.register(pidfd, select.POLLIN)
    return bool(poll.poll(seconds * 1000))
