"""A program inside a machine that someone sits at: its streams are descriptors of ours while it runs.

At a terminal, runc sits at a pty of ours and keeps another one, the machine's own, for the program (decision 0036).
When whoever sat there is gone, the program and all that shares its terminal is told so with SIGHUP, and killed if it
does not listen. What made itself a session of its own (a daemon, tmux) goes on, as with ssh.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from signal import SIGCONT, SIGHUP, SIGKILL, SIGWINCH
from typing import Any

from caddis.domain.errors import Invalid, NotFound
from caddis.kernel import cgroup, process, pty
from caddis.kernel.command import Child, start
from caddis.kernel.conmon import find_init
from caddis.kernel.mount import wait_until
from caddis.kernel.openat2 import open_folder
from caddis.machines.accounts import Account
from caddis.machines.environment import DEFAULT_PATH
from caddis.machines.execution import NOT_FOUND, Inside, Running, is_not_found, not_found_text, prepare, stopped
from caddis.machines.lookup import find_program_in, look_up_account, paths_of
from caddis.machines.plan import SessionPlan
from caddis.machines.spec import session_spec

SHELLS = ("/bin/bash", "/bin/sh")
_PATIENCE = 2.0  # seconds for what was told to hang up, and for runc after it
END_OF_INPUT = b"\x04"  # what a person types for it


class NoProgram(NotFound):
    """There is no such program in the machine."""


@dataclass(kw_only=True)
class Session:
    """`input` is written to; `output` and `errors` are read from, and at a terminal there is no `errors`."""

    machine: Inside
    running: Running
    program: str
    child: Child
    input: int
    output: int
    errors: int | None
    is_terminal: bool
    _open: set[int] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._open = {fd for fd in (self.input, self.output, self.errors) if fd is not None}
        for fd in self._open:
            os.set_blocking(fd, False)

    def resize(self, rows: int, columns: int) -> None:
        """The person's window has another size now; silent without a terminal."""
        if self.is_terminal:
            pty.set_size(self.output, rows, columns)
            self.child.send(SIGWINCH)

    def close_input(self) -> None:
        """The program reads an end of file; not for a terminal, where that is typed."""
        self._close(self.input)

    def finish(self) -> tuple[int, bytes]:
        """Its exit status, once its streams have ended, and what remains to be said about it on stderr.

        128 + signal when one ended it. Conflict when the machine itself has ended.
        """
        code = self.child.end(_PATIENCE)
        code = 128 - code if code < 0 else code
        complaint = self._give_back()
        if is_not_found(self.machine, self.program, code, complaint):
            return NOT_FOUND, not_found_text(self.program)
        return code, b""

    def hang_up(self) -> None:
        """Ensure that nothing of it runs but what left its session; silent when it has ended."""
        self._close(self.input)
        if self.child.poll() is None and not wait_until(lambda: self._leader() is not None, patience=_PATIENCE):
            cgroup.kill(self.running.group)
        self._tell(SIGHUP)
        self._tell(SIGCONT)  # a stopped one hears nothing else
        wait_until(lambda: not self._members(), patience=_PATIENCE)
        self._tell(SIGKILL)
        wait_until(lambda: not self._members(), patience=_PATIENCE)
        for fd in list(self._open):
            self._close(fd)
        self.child.end(_PATIENCE)
        self._give_back()

    def _give_back(self) -> str | None:
        for fd in list(self._open):
            self._close(fd)
        return self.running.close()

    def _close(self, fd: int) -> None:
        if fd in self._open:
            self._open.remove(fd)
            os.close(fd)

    def _leader(self) -> int | None:
        try:
            return int(self.running.pid.read_text())
        except (OSError, ValueError):
            return None

    def _members(self) -> list[int]:
        leader = self._leader()
        pids = cgroup.list_pids(self.running.group)
        return [pid for pid in pids if (stat := process.find_stat(pid)) and stat.session == leader]

    def _tell(self, signal: int) -> None:
        for pid in self._members():
            with process.hold(pid) as pidfd:
                if pidfd is not None and pid in cgroup.list_pids(self.running.group):
                    process.send(pidfd, signal)


@contextmanager
def open_guest_root(machine: Inside) -> Iterator[int]:
    """A descriptor of the root that its programs see, volumes too; Conflict when it has ended."""
    init = find_init(machine.files)
    try:
        if init is None:
            raise FileNotFoundError
        with open_folder(f"/proc/{init}/root") as root:
            if init not in cgroup.list_pids(machine.group):  # a pid comes round again
                raise FileNotFoundError
            yield root
    except (FileNotFoundError, ProcessLookupError):
        raise stopped(machine.name) from None


def open_session(machine: Inside, plan: SessionPlan) -> Session:
    """Start it; Invalid when there is no such user or no shell, NoProgram when there is no such program."""
    with open_guest_root(machine) as root:
        path = f"/proc/self/fd/{root}"
        argv = list(plan.argv) or [_find_shell(path)]
        account = look_up_account(path, plan.user) if plan.user else None
        running = prepare(machine, lambda main: _spec_of(path, main, argv, plan=plan, account=account))
    try:
        if plan.terminal is None:
            child, fds = _start_piped(running)
        else:
            child, fds = _start_at_terminal(running, *plan.terminal)
    except BaseException:
        running.close()
        raise
    return Session(
        machine=machine,
        running=running,
        program=argv[0],
        child=child,
        input=fds[0],
        output=fds[1],
        errors=fds[2] if len(fds) > 2 else None,
        is_terminal=plan.terminal is not None,
    )


def end_strays(machine: Inside) -> None:
    """End what an agent that died had running inside for someone: nobody sits there any more."""
    for spec in Path(machine.files.folder).glob("exec-*.json"):
        group = f"{machine.group}/{spec.stem}"
        cgroup.kill(group)
        for pid in process.list_with_argument(str(spec)):
            with process.hold(pid) as pidfd:
                if pidfd is not None and str(spec) in process.read_arguments(pid):
                    process.send(pidfd, SIGKILL)
        cgroup.remove_if_empty(group)
        for kind in (".json", ".log", ".pid"):
            spec.with_suffix(kind).unlink(missing_ok=True)


def _spec_of(
    root: str, main: Mapping[str, Any], argv: list[str], *, plan: SessionPlan, account: Account | None
) -> Mapping[str, Any]:
    env = dict(line.split("=", 1) for line in main["env"])
    if not any(find_program_in(root, path) for path in paths_of(argv[0], main["cwd"], env.get("PATH", DEFAULT_PATH))):
        raise NoProgram(not_found_text(argv[0]).decode().strip())
    return session_spec(main, argv, plan, account)


def _find_shell(root: str) -> str:
    for shell in SHELLS:
        if find_program_in(root, shell):
            return shell
    raise Invalid(
        f"the machine's image has no shell: neither {' nor '.join(SHELLS)}",
        hint='run a program that it has: fly ssh console -C "PROGRAM"',
    )


def _start_at_terminal(running: Running, rows: int, columns: int) -> tuple[Child, tuple[int, ...]]:
    master, slave = pty.open_pty(rows, columns)
    try:
        child = start(running.command, stdin=slave, output=slave)
        return child, (os.dup(master), os.dup(master))
    finally:
        os.close(slave)
        os.close(master)


def _start_piped(running: Running) -> tuple[Child, tuple[int, ...]]:
    (theirs, ours), (out, their_out), (errors, their_errors) = (os.pipe2(os.O_CLOEXEC) for _ in range(3))
    try:
        child = start(running.command, stdin=theirs, output=their_out, errors=their_errors)
    except BaseException:
        for fd in (ours, out, errors):
            with suppress(OSError):
                os.close(fd)
        raise
    finally:
        for fd in (theirs, their_out, their_errors):
            os.close(fd)
    return child, (ours, out, errors)
