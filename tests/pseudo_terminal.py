"""A person at a terminal of their own, on the standard library's pty: types, looks, resizes the window, hangs up.

with sitting_at("fly", "ssh", "console", environment=…, folder=…) as terminal:
    terminal.type("exit 3\\r")
    assert terminal.await_end() == 3
"""

from __future__ import annotations

import os
import select
import signal
import subprocess
import termios
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

DEADLINE = 60.0  # seconds; only ever reached by a test that fails


class Terminal:
    """`seen` is what came and was not asked for yet."""

    def __init__(self, master: int, slave: int, program: subprocess.Popen[bytes]) -> None:
        self._master, self._slave, self.program = master, slave, program
        self.seen = ""

    def type(self, text: str) -> None:
        os.write(self._master, text.encode())

    def resize(self, rows: int, columns: int) -> None:
        """The kernel tells the program only if this is its controlling terminal; so do we."""
        termios.tcsetwinsize(self._master, (rows, columns))
        self.program.send_signal(signal.SIGWINCH)

    def await_text(self, text: str) -> str:
        """Everything up to it; it and what came before are not seen again."""
        until = time.monotonic() + DEADLINE
        while text not in self.seen:
            assert time.monotonic() < until, f"waited in vain for {text!r}; there was {self.seen!r}"
            self._look()
        before, _, self.seen = self.seen.partition(text)
        return before

    def await_end(self) -> int:
        """Its exit status."""
        until = time.monotonic() + DEADLINE
        while self.program.poll() is None:
            assert time.monotonic() < until, f"it does not end; there was {self.seen!r}"
            self._look()
        self._look()
        return self.program.returncode

    def modes(self) -> list[object]:
        """What the terminal does with keys."""
        return termios.tcgetattr(self._slave)

    def _look(self) -> None:
        if select.select([self._master], [], [], 0.05)[0]:
            self.seen += os.read(self._master, 65536).decode(errors="replace")


@contextmanager
def sitting_at(
    *argv: str, environment: Mapping[str, str], folder: Path, size: tuple[int, int] = (24, 80)
) -> Iterator[Terminal]:
    """The program has the terminal for its three streams; what still runs at the end of the block is killed."""
    master, slave = os.openpty()
    termios.tcsetwinsize(slave, size)
    program = subprocess.Popen(
        argv, stdin=slave, stdout=slave, stderr=slave, env=dict(environment), cwd=folder, start_new_session=True
    )
    try:
        yield Terminal(master, slave, program)
    finally:
        program.kill()
        program.wait()
        os.close(master)
        os.close(slave)
