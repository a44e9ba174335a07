"""Running another program inside a machine, beside its main process, and leaving nothing of it when time is up."""

from __future__ import annotations

import itertools
import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from caddis.domain.errors import Conflict, Invalid, Problem, TimedOut
from caddis.kernel import cgroup, process, runc
from caddis.kernel.command import Command, Failed, run
from caddis.kernel.conmon import Files, find_init
from caddis.kernel.mount import wait_until
from caddis.machines.plan import ExecResult
from caddis.machines.spec import exec_spec

MAX_OUTPUT = 16 << 20  # bytes each of stdout and stderr; what goes beyond is dropped
NOT_FOUND = 127  # as a shell says it
_MAX_SIGNAL = 64
_MOMENT = 0.5  # seconds
_numbers = itertools.count()


@dataclass(frozen=True, slots=True)
class Inside:
    """A running machine: its conmon's files, its name with the runtime and its control group."""

    files: Files
    name: str
    group: str


@dataclass(frozen=True, slots=True)
class Running:
    """One program inside: how it is run, its group, and the files that tell runc about it and us about runc."""

    command: Command
    group: str
    spec: Path
    log: Path
    pid: Path

    def close(self) -> str | None:
        """Ensure that nothing of it is kept, but its group while something is in there; what runc complained of."""
        cgroup.remove_if_empty(self.group)
        self.spec.unlink(missing_ok=True)
        self.pid.unlink(missing_ok=True)
        return _take_complaint(self.log)


def prepare(machine: Inside, make_spec: Callable[[Mapping[str, Any]], Mapping[str, Any]]) -> Running:
    """What is needed to run a program beside the main one, whose spec `make_spec` is given. It gets a group of its own.

    A control group below the machine's, so that everything it started can be found and killed, daemons too.
    """
    files = machine.files
    own = f"exec-{os.getpid()}-{next(_numbers)}"
    spec, log, pid = (Path(files.folder, f"{own}.{kind}") for kind in ("json", "log", "pid"))
    try:
        main = json.loads(Path(files.folder, "config.json").read_text())["process"]
        spec.write_text(json.dumps(make_spec(main)))
        group = cgroup.ensure_below(machine.group, own)
    except FileNotFoundError:  # it was deleted meanwhile
        raise stopped(machine.name) from None
    wanted = runc.exec_in(
        files.runc_root, machine.name, str(spec), cgroup=cgroup.as_option(own), log=str(log), pid=str(pid)
    )
    return Running(wanted, group, spec, log, pid)


def execute_inside(
    machine: Inside, argv: Sequence[str], *, stdin: bytes, timeout: float, env: Mapping[str, str]
) -> ExecResult:
    """Run `argv` with the main process's user, folder, environment (and `env`) and bounds, to its end.

    At the deadline everything it started is killed and TimedOut raised. After a regular end, what it left running goes
    on. A status above 128 is taken for 128 + signal, as a shell does.
    """
    if not argv:
        raise Invalid("there is no command to run", field="cmd")
    running = prepare(machine, lambda main: exec_spec(main, list(argv), env))
    try:
        wanted = replace(running.command, stdin=stdin or None, deadline=timeout, max_output=MAX_OUTPUT)
        finished = run(wanted, accept=tuple(range(256)))
    except Failed as failed:
        cgroup.kill(running.group)
        cgroup.remove(running.group)
        if failed.overdue:
            raise TimedOut(f"{argv[0]} did not end within {timeout:g} s and was killed") from failed
        raise
    finally:
        complaint = running.close()
    if is_not_found(machine, argv[0], finished.exit, complaint):
        return ExecResult(exit_code=NOT_FOUND, stderr=not_found_text(argv[0]))
    code = finished.exit
    signal = code - 128 if 128 < code <= 128 + _MAX_SIGNAL else 0
    return ExecResult(exit_code=code, exit_signal=signal, stdout=finished.stdout, stderr=finished.stderr)


def is_not_found(machine: Inside, program: str, code: int, complaint: str | None) -> bool:
    """Whether there is no such program; raises when it did not end by itself, or could not be run."""
    not_found = complaint is not None and runc.is_not_found(complaint)
    # Whatever else runc complains of, and any bad end, may come of the machine's own end, which takes some moments.
    if code and _ends_within(machine.files, 0.0 if complaint is None or not_found else _MOMENT):
        raise stopped(machine.name)
    if complaint is not None and not not_found:
        raise Problem(f"{program} could not be run inside: {complaint}")
    return not_found


def not_found_text(program: str) -> bytes:
    """What is said on stderr about a program that is not there."""
    return f"{program}: executable not found\n".encode()


def stopped(name: str) -> Conflict:
    """What to raise when the machine does not run (any more)."""
    return Conflict(f"machine {name} is not running", hint=f"fly machine start {name}")


def _take_complaint(log: Path) -> str | None:
    try:
        text = log.read_text(errors="replace")
    except FileNotFoundError:
        return None
    log.unlink(missing_ok=True)
    return runc.read_complaint(text)


def _ends_within(files: Files, seconds: float) -> bool:
    init = find_init(files)
    return init is None or wait_until(lambda: process.is_ending(init), patience=seconds)
