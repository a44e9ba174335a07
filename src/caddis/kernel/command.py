"""The one door through which a program is started.

A command is a value; `run` carries it out. It fixes the environment (so that output can be parsed), gives /dev/null or
the given bytes as stdin, ends the whole process group at the deadline, and logs one line. Secrets go through stdin,
never through argv: /proc/*/cmdline is readable by everyone.
"""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import IO

from caddis.domain.errors import Missing, Problem
from caddis.telemetry.log import note

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_ENVIRONMENT = {"PATH": PATH, "LC_ALL": "C.UTF-8", "TZ": "UTC", "HOME": "/root"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """What to run: `deadline` in seconds, `env` on top of the fixed one, `pass_fds` kept open in the child.

    With `max_output`, only so many bytes each of stdout and stderr are kept; the rest is read and dropped.
    """

    argv: tuple[str, ...]
    stdin: bytes | None = None
    deadline: float = 30.0
    env: Mapping[str, str] = field(default_factory=dict)
    cwd: str | None = None
    pass_fds: tuple[int, ...] = ()
    max_output: int | None = None

    def __str__(self) -> str:
        return " ".join(self.argv)


@dataclass(frozen=True, slots=True)
class Finished:
    """What a program that exited with 0 (or with an accepted status) said."""

    stdout: bytes
    stderr: bytes
    exit: int
    seconds: float

    @property
    def text(self) -> str:
        """stdout as text."""
        return self.stdout.decode(errors="replace")


class Failed(Problem):
    """A program did not do what was asked of it."""

    def __init__(self, command: Command, exit: int, stderr: str, *, overdue: bool = False) -> None:
        self.command, self.exit, self.stderr, self.overdue = command, exit, stderr, overdue
        lines = [line for line in stderr.strip().splitlines() if line.strip()]
        why = f"took longer than {command.deadline:g} s" if overdue else f"exit {exit}"
        said = f": {lines[-1].strip()}" if lines else ""
        super().__init__(f"{os.path.basename(command.argv[0])} failed ({why}){said}")


def command(*argv: str, stdin: bytes | None = None, deadline: float = 30.0) -> Command:
    """Shorthand for the usual Command."""
    return Command(argv=argv, stdin=stdin, deadline=deadline)


def run(wanted: Command, *, accept: tuple[int, ...] = (0,), on_line: Callable[[str], None] | None = None) -> Finished:
    """Run to the end and return what it said.

    With `on_line`, stdout and stderr together are handed over line by line while it runs (and kept as stdout).
    Raises Failed when the exit status is not accepted or the deadline passed, Missing when there is no such program.
    """
    begun = time.monotonic()
    child = _spawn(wanted, merge=on_line is not None)
    overdue = threading.Event()

    def end() -> None:
        overdue.set()
        end_group(child.pid)

    timer = threading.Timer(wanted.deadline, end)
    timer.daemon = True
    timer.start()
    try:
        if on_line is not None:
            stdout, stderr = _follow(child, wanted.stdin, on_line), b""
        elif wanted.max_output is not None:
            stdout, stderr = _read_some(child, wanted.stdin, wanted.max_output)
        else:
            stdout, stderr = child.communicate(wanted.stdin)
    finally:
        timer.cancel()
        if child.poll() is None:
            end_group(child.pid)
            child.wait()
    seconds = time.monotonic() - begun
    note("command", argv=str(wanted), exit=child.returncode, seconds=round(seconds, 4), level=10)
    if overdue.is_set() or child.returncode not in accept:
        said = stderr or stdout[-4000:]
        raise Failed(wanted, child.returncode, said.decode(errors="replace"), overdue=overdue.is_set())
    return Finished(stdout, stderr, child.returncode, seconds)


class Child:
    """A program that runs beside us, in a session of its own: a terminal's Ctrl-C does not reach it."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process
        self.pid = process.pid

    def poll(self) -> int | None:
        """Its exit status, negative for a signal; None while it runs."""
        return self._process.poll()

    def ask_to_end(self) -> None:
        """SIGTERM, to the program alone."""
        self._process.terminate()

    def send(self, number: int) -> None:
        """A signal, to the program alone; silent when it has ended."""
        self._process.send_signal(number)

    def end(self, deadline: float) -> int:
        """Its exit status once it has ended; after `deadline` seconds its whole group is killed."""
        try:
            return self._process.wait(deadline)
        except subprocess.TimeoutExpired:
            end_group(self.pid)
            return self._process.wait()


def start(wanted: Command, *, output: int, stdin: int | None = None, errors: int | None = None) -> Child:
    """Start without waiting, with descriptors for its streams; stderr goes to `errors`, or where stdout goes.

    Its deadline does not count.
    """
    return Child(_spawn(wanted, output=output, stdin=stdin, errors=errors))


class Conversation:
    """A program to which one says a line and which answers with one."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process

    def ask(self, line: str) -> str:
        """Its next line; "" when it has ended."""
        assert self._process.stdin is not None and self._process.stdout is not None
        with suppress(BrokenPipeError):  # it has ended, and may have said why
            self._process.stdin.write(f"{line}\n".encode())
            self._process.stdin.flush()
        return self._process.stdout.readline().decode(errors="replace").strip()


@contextmanager
def converse(wanted: Command) -> Iterator[Conversation]:
    """Talk with a program for the length of the block; then its stdin ends, and it has its deadline to end too."""
    child = _spawn(wanted, talk=True)
    timer = threading.Timer(wanted.deadline, lambda: end_group(child.pid))
    timer.daemon = True
    timer.start()
    try:
        yield Conversation(child)
    finally:
        assert child.stdin is not None and child.stdout is not None
        with suppress(BrokenPipeError):
            child.stdin.close()
        child.wait()
        child.stdout.close()
        timer.cancel()


class Piped:
    """A program that reads what we write, or writes what we read, or both, while it runs."""

    def __init__(self, wanted: Command, process: subprocess.Popen[bytes]) -> None:
        self._wanted, self._process = wanted, process

    def write(self, data: bytes) -> bool:
        """To its stdin, all of it; False when it has stopped reading, and will have said why."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(data)
            self._process.stdin.flush()
        except BrokenPipeError:
            return False
        return True

    def read(self, count: int) -> bytes:
        """Up to `count` bytes of its stdout, b"" at the end."""
        assert self._process.stdout is not None
        return os.read(self._process.stdout.fileno(), count)

    def finish(self) -> bytes:
        """End its stdin and wait for it; the rest of its stdout. Failed unless it exits with 0."""
        assert self._process.stdin is not None and self._process.stdout is not None
        with suppress(BrokenPipeError):
            self._process.stdin.close()
        rest = self._process.stdout.read()
        exit = self._process.wait()
        if exit != 0:
            assert self._process.stderr is not None
            raise Failed(self._wanted, exit, self._process.stderr.read().decode(errors="replace"))
        return rest


@contextmanager
def piped(wanted: Command) -> Iterator[Piped]:
    """Run beside us for the length of the block, which calls `finish`; else its whole group is killed at the end.

    For programs of ours, which say little on stderr: it is only read by `finish`.
    """
    child = _spawn(wanted, stdin=subprocess.PIPE)
    timer = threading.Timer(wanted.deadline, lambda: end_group(child.pid))
    timer.daemon = True
    timer.start()
    try:
        yield Piped(wanted, child)
    finally:
        timer.cancel()
        if child.poll() is None:
            end_group(child.pid)
            child.wait()
        for stream in (child.stdin, child.stdout, child.stderr):
            with suppress(BrokenPipeError):
                if stream is not None:
                    stream.close()


def end_group(pid: int) -> None:
    """Kill every process of the group that `run` or `start` made."""
    try:
        os.killpg(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass


def find_program(name: str) -> str | None:
    """The path of a program on the fixed PATH, or None."""
    for folder in PATH.split(":"):
        path = f"{folder}/{name}"
        if os.access(path, os.X_OK):
            return path
    return None


def _spawn(
    wanted: Command,
    *,
    merge: bool = False,
    talk: bool = False,
    stdin: int | None = None,
    output: int = subprocess.PIPE,
    errors: int | None = None,
) -> subprocess.Popen[bytes]:
    if stdin is None:
        stdin = subprocess.DEVNULL if wanted.stdin is None and not talk else subprocess.PIPE
    try:
        return subprocess.Popen(
            wanted.argv,
            stdin=stdin,
            stdout=output,
            stderr=subprocess.STDOUT if merge or talk else output if errors is None else errors,
            env={**_ENVIRONMENT, **wanted.env},
            cwd=wanted.cwd,
            pass_fds=wanted.pass_fds,
            start_new_session=True,
        )
    except FileNotFoundError as absent:
        if wanted.cwd is not None and not os.path.isdir(wanted.cwd):
            raise Problem(f"there is no folder {wanted.cwd} to run {wanted.argv[0]} in") from absent
        raise Missing(f"this host has no program {wanted.argv[0]}", hint="caddis doctor") from absent


def _follow(child: subprocess.Popen[bytes], stdin: bytes | None, on_line: Callable[[str], None]) -> bytes:
    assert child.stdout is not None
    if child.stdin is not None:
        child.stdin.write(stdin or b"")
        child.stdin.close()
    kept = []
    for line in child.stdout:
        kept.append(line)
        on_line(line.decode(errors="replace").rstrip("\n"))
    child.stdout.close()
    child.wait()
    return b"".join(kept)


def _read_some(child: subprocess.Popen[bytes], stdin: bytes | None, limit: int) -> tuple[bytes, bytes]:
    assert child.stdout is not None and child.stderr is not None
    stdout, stderr = bytearray(), bytearray()
    threads = [
        threading.Thread(target=_drain, args=(child.stdout, stdout, limit)),
        threading.Thread(target=_drain, args=(child.stderr, stderr, limit)),
        threading.Thread(target=_feed, args=(child.stdin, stdin or b"")),
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    child.wait()
    return bytes(stdout), bytes(stderr)


def _drain(stream: IO[bytes], into: bytearray, limit: int) -> None:
    with stream:
        while chunk := os.read(stream.fileno(), 1 << 16):
            into += chunk[: limit - len(into)]


def _feed(stream: IO[bytes] | None, stdin: bytes) -> None:
    if stream is None:
        return
    try:
        with stream:
            stream.write(stdin)
    except BrokenPipeError:
        pass
