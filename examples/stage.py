"""Where the demo plays: a temporary folder with an installation and an app, and a terminal for commands that ask."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import re
import select
import shlex
import shutil
import subprocess
import sys
import tempfile
import textwrap
import time
from pathlib import Path
from types import TracebackType
from typing import Any

BIN = Path(sys.executable).parent
WIDTH = 110
_PREFIX = "caddis-demo-"
UP_DEADLINE, COMMAND_DEADLINE = 120.0, 300.0
_CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\r(?!\n)")


def _lock(folder: Path) -> int | None:
    """An open file that says that somebody is at work in the folder; None when somebody else is."""
    fd = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(fd)
        return None
    return fd


class NotAsTold(Exception):
    """Something did not happen as the story says."""


class Stage:
    """Use it in a with block: the end of the block takes everything away."""

    def __init__(self, project: Path) -> None:
        self._project = project
        self._folder = Path(tempfile.mkdtemp(prefix=_PREFIX))
        self._alive = _lock(self._folder)  # until we end, however that is
        self._up: subprocess.Popen[str] | None = None
        self._data = self._folder / "data"
        self.app = self._folder / "guestbook"
        self._environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith(("FLY_", "CADDIS_"))},
            "PATH": f"{BIN}:{os.environ['PATH']}",
            "XDG_CONFIG_HOME": str(self._folder / "config"),
            "TERM": "dumb",
            "NO_COLOR": "1",
            "COLUMNS": str(WIDTH),
        }

    def __enter__(self) -> Stage:
        doctor = subprocess.run([BIN / "caddis", "doctor"], capture_output=True, text=True)
        if doctor.returncode != 0:
            shutil.rmtree(self._folder)
            lacking = [line for line in doctor.stdout.splitlines() if not line.startswith(("ok", "absent"))]
            raise NotAsTold("this machine cannot run machines:\n" + "\n".join(lacking))
        for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
            self._take_away_if_dead(folder)
        shutil.copytree(self._project / "examples/guestbook", self.app)
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: BaseException | TracebackType | None) -> None:
        try:
            if kind is not None and kind not in (KeyboardInterrupt, BrokenPipeError):
                self._show_logs()
        finally:
            self.close(loud=False)

    def told(self, sentence: str) -> None:
        """A line of the story."""
        print(f"\n# {sentence}", flush=True)

    def show(self, command: str, said: str = "", *, show: int = 12) -> None:
        """A command as typed and what it said: the last lines of it, indented."""
        print(f"$ {command}", flush=True)
        lines = [line.rstrip() for line in said.splitlines() if line.strip()]
        left_out = lines[: max(0, len(lines) - show)]
        for line in left_out:
            if line.startswith("Warning!"):  # what the tools insist on is not left out
                for part in textwrap.wrap(line, WIDTH):
                    self._print(part)
        if left_out:
            print(f"  … ({len(left_out)} lines)")
        for line in lines[-show:]:
            self._print(line)

    def _print(self, line: str) -> None:
        print(f"  {line if len(line) <= WIDTH else line[: WIDTH - 1] + '…'}", flush=True)

    def check(self, so: bool, otherwise: str) -> None:
        """NotAsTold unless it is so."""
        if not so:
            raise NotAsTold(otherwise)

    def up(self, command: str) -> None:
        """Start `caddis up` beside us, on a data folder and a port of the demo's own."""
        print(f"$ {command}", flush=True)
        log = self._folder / "up.log"
        argv = [*shlex.split(command), "--data", self._data, "--listen", "127.0.0.1:0", "--pool-size", "5G"]
        with log.open("w") as output:
            self._up = subprocess.Popen(
                argv, env=self._environment, stdout=output, stderr=subprocess.STDOUT, text=True, start_new_session=True
            )
        end = time.monotonic() + UP_DEADLINE
        while "ready in" not in (said := log.read_text()):
            if self._up.poll() is not None or time.monotonic() > end:
                raise NotAsTold(f"caddis up did not become ready:\n{said}")
            time.sleep(0.05)
        for line in said.splitlines():
            if line.startswith(("http", "  host", "ready")):
                print(f"  {line.replace(str(self._folder), '…')}", flush=True)
        make = self._project / "packaging/base-images/make.py"
        print("  (making the base image from Debian's packages, if it is not in .cache yet)", flush=True)
        made = subprocess.run(
            [sys.executable, make, "python", "--data", self._data],
            env=self._environment,
            capture_output=True,
            text=True,
        )
        self.check(made.returncode == 0, f"the base image could not be made:\n{made.stdout}{made.stderr}")

    def run(self, command: str, *, answer: str = "", show: int = 12) -> str:
        """Run it in the app's folder, show it, return all it said. With `answer` it gets a terminal and that answer."""
        status, said = self._in_a_terminal(command, answer) if answer else self._plainly(command)
        self.show(command, said, show=show)
        self.check(status == 0, f"`{command}` ended with status {status}:\n{said}")
        return said

    def quietly(self, command: str) -> str:
        """Run it without showing it; "" when it failed."""
        status, said = self._plainly(command)
        return said if status == 0 else ""

    def json(self, command: str) -> Any:
        """What a command with --json says."""
        done = subprocess.run(
            shlex.split(command), cwd=self.app, env=self._environment, capture_output=True, text=True, check=False
        )
        self.check(done.returncode == 0, f"`{command}` ended with status {done.returncode}:\n{done.stderr}")
        return json.loads(done.stdout)

    def find_agent(self, machine: str) -> int:
        """The pid of the agent on whose host the machine runs; 0 while there is none."""
        host = next(
            (path.parts[4] for path in Path("/run/caddis").glob(f"*/h*/*/{machine}*") if self._is_ours(path)), ""
        )
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                try:
                    argv = (entry / "cmdline").read_bytes().decode(errors="replace").split("\0")
                except OSError:
                    continue
                if {"caddis.agent", str(self._data), host} <= set(argv):
                    return int(entry.name)
        return 0

    def close(self, *, loud: bool = True) -> None:
        """Take everything away. NotAsTold when the kernel still has something of ours. Once is enough."""
        if not self._folder.exists():
            return
        instance = (self._data / "instance").read_text().strip() if (self._data / "instance").exists() else ""
        if instance:
            down = subprocess.run(
                ["caddis", "down", "--data", self._data], env=self._environment, capture_output=True, text=True
            )
            if loud:
                self.show("caddis down", down.stdout + down.stderr)
            if down.returncode != 0:
                raise NotAsTold(f"caddis down failed, its data is still in {self._folder}:\n{down.stdout}{down.stderr}")
        if self._up is not None:
            self._up.wait(60)
        shutil.rmtree(self._folder)
        left = self._left_behind(instance) if instance else []
        self.check(not left, "something was left behind:\n" + "\n".join(left))

    def _take_away_if_dead(self, folder: Path) -> None:
        """What an earlier demo left that was killed and could not tidy up."""
        lock = _lock(folder)
        if lock is None:
            return
        print(f"(an earlier demo was killed: taking away what it left in {folder})", flush=True)
        if (folder / "data/instance").exists():
            subprocess.run(["caddis", "down", "--data", folder / "data"], env=self._environment, capture_output=True)
        shutil.rmtree(folder, ignore_errors=True)
        os.close(lock)

    def _is_ours(self, path: Path) -> bool:
        return path.parts[3] == (self._data / "instance").read_text().strip()

    def _left_behind(self, instance: str) -> list[str]:
        asked = ("losetup", "-l", "-n", "-O", "NAME,BACK-FILE"), ("ip", "netns", "list"), ("findmnt", "-rn")
        lines = [
            line for argv in asked for line in subprocess.run(argv, capture_output=True, text=True).stdout.splitlines()
        ]
        lines += [str(path) for path in Path("/sys/fs/cgroup").glob("*/caddis-*")]
        return [line for line in lines if instance in line or str(self._folder) in line]

    def _plainly(self, command: str) -> tuple[int, str]:
        done = subprocess.run(
            shlex.split(command),
            cwd=self.app,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=COMMAND_DEADLINE,
        )
        return done.returncode, done.stdout

    def _in_a_terminal(self, command: str, answer: str) -> tuple[int, str]:
        """Every question (a line that begins with a question mark, and waits) gets the answer."""
        ours, theirs = pty.openpty()
        child = subprocess.Popen(
            shlex.split(command),
            cwd=self.app,
            env=self._environment,
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
        )
        os.close(theirs)
        said, end = "", time.monotonic() + COMMAND_DEADLINE
        try:
            while time.monotonic() < end:
                readable, _, _ = select.select([ours], [], [], 0.2)
                if not readable and said.rpartition("\n")[2].startswith("? "):
                    os.write(ours, f"{answer}\n".encode())
                    continue
                if readable:
                    try:
                        part = os.read(ours, 65536)
                    except OSError:  # what a terminal says when its last program has left
                        break
                    if not part:
                        break
                    said += _CONTROL.sub("", part.decode(errors="replace"))
        finally:
            os.close(ours)
            if child.poll() is None and time.monotonic() >= end:
                child.kill()
        return child.wait(), said.replace("\r\n", "\n")

    def _show_logs(self) -> None:
        for log in sorted((self._data / "logs").glob("*.log")):
            print(f"--- the end of {log.name}")
            print("\n".join(log.read_text().splitlines()[-15:]), flush=True)
