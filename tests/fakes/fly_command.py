"""Calling `fly` in a test: in this process against a fake API, or as a program on a terminal of its own."""

from __future__ import annotations

import io
import os
import pty
import select
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path

import pytest

from caddis.cli.main import main
from fakes.api_server import TOKEN, FakeApi, serve

DEADLINE = 20.0  # seconds; nothing takes so long


@dataclass(frozen=True)
class Said:
    """How a call ended."""

    code: int
    out: str
    err: str


@dataclass(frozen=True)
class Fly:
    """`fly(...)` runs it where nobody can be asked; `talk(...)` on a terminal."""

    api: FakeApi
    folder: Path

    def __call__(self, *words: str) -> Said:
        out, err = io.StringIO(), io.StringIO()
        with redirect_stdout(out), redirect_stderr(err):
            code = main(list(words))
        return Said(code, out.getvalue(), err.getvalue())

    def talk(self, *words: str, term: str = "dumb") -> Talk:
        return Talk(list(words), self.folder, {**os.environ, "TERM": term})

    def write(self, name: str, text: str) -> Path:
        path = self.folder / name
        path.write_text(text)
        return path


class Talk:
    """A `fly` on a pseudo terminal."""

    def __init__(self, words: list[str], folder: Path, environment: dict[str, str]) -> None:
        self._ours, theirs = pty.openpty()
        program = [sys.executable, "-c", "import sys; from caddis.cli.main import main; sys.exit(main())", *words]
        self._child = subprocess.Popen(
            program,
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            cwd=folder,
            env=environment,
            start_new_session=True,
            preexec_fn=_take_terminal,
        )
        os.close(theirs)
        self.seen = ""

    def expect(self, text: str) -> None:
        """Read until `text` has been said."""
        over = time.monotonic() + DEADLINE
        while text not in self.seen:
            assert self._read(over), f"{text!r} was not said; this was: {self.seen}"

    def answer(self, text: str) -> None:
        os.write(self._ours, text.encode())

    def signal(self, number: int) -> None:
        self._child.send_signal(number)

    def end(self) -> int:
        """The exit status, after reading everything."""
        over = time.monotonic() + DEADLINE
        while self._read(over):
            pass
        os.close(self._ours)
        return self._child.wait(DEADLINE)

    def _read(self, over: float) -> bool:
        left = over - time.monotonic()
        if left <= 0 or not select.select([self._ours], [], [], left)[0]:
            self._child.kill()
            return False
        try:
            self.seen += os.read(self._ours, 4096).decode().replace("\r\n", "\n")
        except OSError:  # the other side is closed
            return False
        return True


def _take_terminal() -> None:
    import fcntl
    import termios

    fcntl.ioctl(0, termios.TIOCSCTTY, 0)  # so that Ctrl-C reaches it


@pytest.fixture
def fly(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Fly]:
    """A `fly` in an empty folder, with a fake API of its own."""
    api = FakeApi()
    stop = serve(api)
    for name in ("FLY_APP", "FLY_ORG", "FLY_REGION", "FLY_JSON", "FLY_API_TOKEN", "FLY_API_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("FLY_FLAPS_BASE_URL", api.url)
    monkeypatch.setenv("FLY_ACCESS_TOKEN", TOKEN)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    folder = tmp_path / "my_app"
    folder.mkdir()
    monkeypatch.chdir(folder)
    yield Fly(api, folder)
    stop()
