"""Running another program inside a machine, beside its main process, and leaving nothing of it when time is up."""

from __future__ import annotations

import itertools
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from caddis.domain.errors import Conflict, Invalid, Problem, TimedOut
from caddis.kernel import cgroup, process, runc
from caddis.kernel.command import Failed, run
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


def execute_inside(
    machine: Inside, argv: Sequence[str], *, stdin: bytes, timeout: float, env: Mapping[str, str]
) -> ExecResult:
    """Run `argv` with the main process's user, folder, environment (and `env`) and bounds, to its end.

    It gets a control group below the machine's, so that at the deadline everything it started can be found and killed,
    daemons too; then TimedOut is raised. After a regular end, what it left running goes on. A status above 128 is
    taken for 128 + signal, as a shell does.
    """
    if not argv:
        raise Invalid("there is no command to run", field="cmd")
    files = machine.files
    own = f"exec-{os.getpid()}-{next(_numbers)}"
    spec, log = Path(files.folder, f"{own}.json"), Path(files.folder, f"{own}.log")
    try:
        main = json.loads(Path(files.folder, "config.json").read_text())["process"]
        spec.write_text(json.dumps(exec_spec(main, list(argv), env)))
        group = cgroup.ensure_below(machine.group, own)
    except FileNotFoundError:  # it was deleted meanwhile
        raise stopped(machine.name) from None
    try:
        wanted = runc.exec_in(files.runc_root, machine.name, str(spec), cgroup=cgroup.as_option(own), log=str(log))
        wanted = replace(wanted, stdin=stdin or None, deadline=timeout, max_output=MAX_OUTPUT)
        finished = run(wanted, accept=tuple(range(256)))
    except Failed as failed:
        cgroup.kill(group)
        cgroup.remove(group)
        if failed.overdue:
            raise TimedOut(f"{argv[0]} did not end within {timeout:g} s and was killed") from failed
        raise
    finally:
        cgroup.remove_if_empty(group)
        spec.unlink(missing_ok=True)
        complaint = _take_complaint(log)
    code = finished.exit
    not_found = complaint is not None and runc.is_not_found(complaint)
    # Whatever else runc complains of, and any bad end, may come of the machine's own end, which takes some moments.
    if code and _ends_within(files, 0.0 if complaint is None or not_found else _MOMENT):
        raise stopped(machine.name)
    if not_found:
        return ExecResult(exit_code=NOT_FOUND, stderr=f"{argv[0]}: executable not found\n".encode())
    if complaint is not None:
        raise Problem(f"{argv[0]} could not be run inside: {complaint}")
    signal = code - 128 if 128 < code <= 128 + _MAX_SIGNAL else 0
    return ExecResult(exit_code=code, exit_signal=signal, stdout=finished.stdout, stderr=finished.stderr)


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
