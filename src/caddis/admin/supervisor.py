"""Keeping a few child programs running: start, look, restart with growing pauses, end."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from caddis.kernel.command import Child, Command, start

END_DEADLINE = 20.0  # seconds that a program has for ending by itself
_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 5.0  # seconds; a host without its agent restarts no machine
_HEALTHY_AFTER = 10.0  # a program that ran for so long starts from the first pause again
_MAX_LOG_BYTES = 10 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """`name` is what people call it ("the API", "agent h1"); stdout and stderr are added to `log`."""

    name: str
    command: Command
    log: Path


@dataclass(slots=True)
class _Running:
    program: Program
    child: Child | None = None
    started: float = 0.0
    log_from: int = 0
    pause: float = _FIRST_PAUSE
    restart_at: float = field(default=0.0)


class Supervisor:
    """Tells what it does through `say`, a line at a time."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._all: list[_Running] = []
        self._say = say

    def add(self, program: Program) -> None:
        """Start a program and watch it from now on."""
        self._all.append(_Running(program))
        _start(self._all[-1])

    def find_ended(self) -> tuple[Program, int, str] | None:
        """The first program that has ended: itself, its exit status, and what it said."""
        for one in self._all:
            if one.child is not None and (status := one.child.poll()) is not None:
                return one.program, status, _said(one)
        return None

    def mend(self) -> None:
        """Restart what has ended, when its pause is over."""
        now = time.monotonic()
        for one in self._all:
            if one.child is not None and (status := one.child.poll()) is not None:
                one.pause = _FIRST_PAUSE if now - one.started > _HEALTHY_AFTER else min(one.pause * 2, _LONGEST_PAUSE)
                one.child, one.restart_at = None, now + one.pause
                how = f"was ended by {signal.Signals(-status).name}" if status < 0 else f"ended with status {status}"
                self._say(f"{one.program.name} {how}; starting it again in {one.pause:g} s (log: {one.program.log})")
            elif one.child is None and now >= one.restart_at:
                _start(one)
                self._say(f"{one.program.name} is started again")

    def end(self) -> None:
        """SIGTERM to all, then wait for each; those that do not end in time are killed."""
        running = [one.child for one in self._all if one.child is not None and one.child.poll() is None]
        for child in running:
            child.ask_to_end()
        deadline = time.monotonic() + END_DEADLINE
        for child in running:
            child.end(max(0.1, deadline - time.monotonic()))


def find_strays(data: Path) -> list[int]:
    """Pids of our programs on this data: those of a `caddis up` that was killed and could not end them."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            argv = (entry / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        ours = {b"-m", b"--data", os.fsencode(data)} <= set(argv) and {b"caddis.api", b"caddis.agent"} & set(argv)
        if ours or os.fsencode(data / "registry" / "config.yml") in argv:
            found.append(int(entry.name))
    return found


def end_strays(data: Path) -> int:
    """End them, by SIGKILL after the deadline; how many there were."""
    strays = find_strays(data)
    deadline = time.monotonic() + END_DEADLINE
    for pid in strays:
        _send(pid, signal.SIGTERM)
    while (left := find_strays(data)) and time.monotonic() < deadline:
        time.sleep(0.05)
    for pid in left:
        _send(pid, signal.SIGKILL)
    return len(strays)


def _send(pid: int, what: signal.Signals) -> None:
    try:
        os.kill(pid, what)
    except ProcessLookupError:
        pass


def _start(one: _Running) -> None:
    log = one.program.log
    if log.exists() and log.stat().st_size > _MAX_LOG_BYTES:
        log.replace(log.with_name(log.name + ".1"))
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        one.log_from = os.fstat(descriptor).st_size
        one.child = start(one.program.command, output=descriptor)
    finally:
        os.close(descriptor)
    one.started = time.monotonic()


def _said(one: _Running) -> str:
    return plain_sentence(one.program.log.read_bytes()[one.log_from :].decode(errors="replace"))


def plain_sentence(said: str) -> str:
    """What a program said of why it ended: "Error: …" and what follows if it did, else its last lines."""
    lines = said.strip().splitlines()
    for number, line in enumerate(lines):
        if line.startswith("Error: "):
            return "\n".join(lines[number:]).removeprefix("Error: ")
    return "\n".join(lines[-15:])
