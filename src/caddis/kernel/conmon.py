"""conmon: holds a container's first process, keeps its output in a file, and writes down how it ended.

It leaves the session of who started it, so nothing that happens there reaches it.
"""

from __future__ import annotations

import json
import os
import re
import select
import time
from dataclasses import dataclass, replace
from pathlib import Path

from caddis.domain.errors import Problem
from caddis.kernel.command import Command, find_program, run
from caddis.kernel.process import read_arguments


@dataclass(frozen=True, slots=True)
class Files:
    """What conmon and runc keep about one container, all in one folder (which is the bundle too)."""

    folder: str

    @property
    def runc_root(self) -> str:
        """runc's state of this container alone."""
        return f"{self.folder}/runc"

    @property
    def conmon_pid(self) -> str:
        """Where conmon writes its own pid."""
        return f"{self.folder}/conmon.pid"

    @property
    def init_pid(self) -> str:
        """Where runc writes the pid of the container's first process."""
        return f"{self.folder}/init.pid"

    @property
    def exits(self) -> str:
        """The folder in which a file with the exit status appears."""
        return f"{self.folder}/exits"


def create(files: Files, name: str, *, log: str, log_bytes: int, terminal: bool) -> Command:
    """Start conmon, which has runc create the container. The log is replaced by an empty one at each `log_bytes`."""
    argv = ["conmon", "--cid", name, "--cuuid", name, "--name", name, "--bundle", files.folder]
    argv += ["--runtime", find_program("runc") or "runc", "--runtime-arg", "--root", "--runtime-arg", files.runc_root]
    argv += ["--conmon-pidfile", files.conmon_pid, "--container-pidfile", files.init_pid]
    argv += ["--exit-dir", files.exits, "--persist-dir", files.folder, "--socket-dir-path", files.folder]
    argv += ["--log-path", f"k8s-file:{log}", "--log-size-max", str(log_bytes), "--log-level", "error"]
    argv += ["--no-sync-log"]  # an fsync at each end of a machine costs more than a power cut there is worth
    argv += ["--terminal"] if terminal else []
    # in its own folder, because it also writes a file `oom` into the one in which it was started
    return Command(argv=tuple(argv), cwd=files.folder)


def run_create(wanted: Command) -> int:
    """Carry `create` out; the host's pid of the container's first process, which waits to be started.

    conmon tells through a pipe what became of it: no polling. CreateFailed, with runc's own words, when it could not.
    """
    told, tell = os.pipe2(os.O_CLOEXEC)
    try:
        try:
            run(replace(wanted, env={"_OCI_SYNCPIPE": str(tell)}, pass_fds=(tell,)))
        finally:
            os.close(tell)
        pid, message = parse_answer(_read_line(told, wanted.deadline))
    finally:
        os.close(told)
    if pid <= 0:
        raise CreateFailed(message or "conmon ended without saying why")
    return pid


class CreateFailed(Problem):
    """runc could not make the container."""


def parse_answer(line: bytes) -> tuple[int, str]:
    """The pid (negative on failure) and the message in conmon's JSON line. Pure."""
    if not line:
        return -1, ""
    answer = json.loads(line)
    return int(answer["pid"]), parse_complaint(str(answer.get("message", "")))


def parse_complaint(text: str) -> str:
    """What matters in runc's log lines: the msg of the last one that has any. Pure."""
    found = re.findall(r'msg="((?:[^"\\]|\\.)*)"', text)
    return re.sub(r"\\(.)", r"\1", found[-1]) if found else text.strip()


def find_pid(files: Files) -> int | None:
    """The pid of the conmon that runs for this folder; None when there is none (any more).

    A pid alone proves nothing, pids come round again: the process must also have been given this very folder.
    """
    try:
        pid = int(Path(files.conmon_pid).read_text())
    except (OSError, ValueError):
        return None
    return pid if files.folder in read_arguments(pid) else None


def find_init(files: Files) -> int | None:
    """What was written down as the pid of the container's first process."""
    try:
        return int(Path(files.init_pid).read_text())
    except (OSError, ValueError):
        return None


def find_exit(files: Files, name: str) -> tuple[int, float] | None:
    """The exit status and when it was written (Unix seconds); None when it was not."""
    path = Path(files.exits, name)
    try:
        return int(path.read_text()), path.stat().st_mtime
    except (OSError, ValueError):
        return None


def saw_oom(files: Files) -> bool:
    """Whether conmon was told that the container ran out of memory."""
    return os.path.exists(f"{files.folder}/oom")


def _read_line(fd: int, deadline: float) -> bytes:
    poll = select.poll()
    poll.register(fd, select.POLLIN)
    until = time.monotonic() + deadline
    text = b""
    while not text.endswith(b"\n"):
        if not poll.poll(max(0.0, until - time.monotonic()) * 1000):
            raise Problem(f"conmon did not answer within {deadline:g} s")
        chunk = os.read(fd, 65536)
        if not chunk:
            break
        text += chunk
    return text
