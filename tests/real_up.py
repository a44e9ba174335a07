"""A `caddis up` of a test's own: its own folder, port, pools and settings file, and `fly` as people call it."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

BIN = Path(sys.executable).parent
UP_DEADLINE, COMMAND_DEADLINE = 90.0, 120.0  # seconds


@dataclass(frozen=True)
class Running:
    """Where it is, and how to talk to it."""

    data: Path
    environment: dict[str, str]
    words: tuple[str, ...]

    def fly(self, *words: str, folder: Path, code: int = 0) -> str:
        """What it said on both streams, whole; fails the test when it ends with another code."""
        ran = subprocess.run(
            [BIN / "fly", *words],
            cwd=folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=COMMAND_DEADLINE,
        )
        assert ran.returncode == code, f"fly {' '.join(words)} ended with {ran.returncode}:\n{ran.stdout}"
        return ran.stdout

    @contextmanager
    def up(self) -> Iterator[None]:
        """`caddis up`, and at the end of the block the signal that a terminal's Ctrl-C is: machines run on."""
        log = self.data.parent / "up.log"
        with log.open("w") as output:
            up = subprocess.Popen([BIN / "caddis", *self.words], env=self.environment, stdout=output, stderr=output)
        try:
            _wait_ready(up, log)
            yield
        finally:
            up.send_signal(signal.SIGINT)
            up.wait(UP_DEADLINE)


@contextmanager
def running(*more: str, hosts: int = 2, pool_size: str = "3G") -> Iterator[Running]:
    """Up, told `more`, until the block ends; then everything is stopped, detached and deleted."""
    folder = Path(tempfile.mkdtemp(prefix="caddis-e2e-"))
    data = folder / "data"
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("FLY_", "CADDIS_"))}
    environment |= {"XDG_CONFIG_HOME": str(folder / "config"), "TERM": "dumb", "PATH": f"{BIN}:{os.environ['PATH']}"}
    words = ["up", "--data", str(data), "--listen", f"127.0.0.1:{free_port()}", "--region", "lhr"]
    words += ["--hosts", str(hosts), "--pool-size", pool_size, *more]
    server = Running(data, environment, tuple(words))
    try:
        with server.up():
            yield server
    finally:
        down = [BIN / "caddis", "down", "--data", str(data)]
        ended = subprocess.run(down, env=environment, capture_output=True, text=True, timeout=UP_DEADLINE)
        assert ended.returncode == 0, f"{folder} is left for a look: {ended.stdout}{ended.stderr}"
        shutil.rmtree(folder)


def left_behind(data: Path) -> list[str]:
    """Loop devices and mounts that still know the folder; the kernel is asked."""
    loops = subprocess.run(
        ["losetup", "--list", "--noheadings", "--output", "BACK-FILE"], capture_output=True, text=True
    )
    mounts = Path("/proc/self/mountinfo").read_text()
    return [line for line in (*loops.stdout.splitlines(), *mounts.splitlines()) if str(data) in line]


def free_port() -> int:
    """One that nobody listens on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait_ready(up: subprocess.Popen[bytes], log: Path) -> None:
    over = time.monotonic() + UP_DEADLINE
    while not re.search(r"^ready in", log.read_text(), re.MULTILINE):
        assert up.poll() is None and time.monotonic() < over, f"caddis up is not ready:\n{log.read_text()}"
        time.sleep(0.1)
