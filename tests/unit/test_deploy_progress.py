"""One line for each machine, in place on a terminal; plain lines elsewhere."""

from __future__ import annotations

import io
from contextlib import redirect_stdout

import pytest

from caddis.cli.deploy.progress import Progress
from fakes.screen import see


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> _Terminal:
    stream = _Terminal()
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.setenv("LINES", "24")
    return stream


def test_on_a_terminal_each_machine_has_a_line_that_changes_in_place(terminal: _Terminal) -> None:
    with redirect_stdout(terminal):
        progress = Progress()
        progress.say("Updating")
        progress.show("m1", "[1/2] m1 starts")
        progress.show("m2", "[2/2] m2 starts")
        progress.show("m1", "[1/2] m1 is healthy")
    assert see(terminal.getvalue(), 40) == ["Updating", "[1/2] m1 is healthy", "[2/2] m2 starts"]
    with redirect_stdout(terminal):
        progress.end("m1", "[1/2] m1 succeeded")
        progress.say("by the way")
    assert see(terminal.getvalue(), 40) == ["Updating", "[1/2] m1 succeeded", "by the way", "[2/2] m2 starts"]
    with redirect_stdout(terminal):
        progress.close()
    assert see(terminal.getvalue(), 40)[-1] == "[2/2] m2 starts"


def test_a_line_that_is_too_long_is_cut_so_that_rows_can_be_counted(terminal: _Terminal) -> None:
    with redirect_stdout(terminal):
        progress = Progress()
        progress.show("m1", "x" * 100)
        progress.show("m1", "y" * 100)
    assert see(terminal.getvalue(), 40) == ["y" * 39]


def test_elsewhere_every_change_is_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    progress = Progress()
    progress.show("m1", "one")
    progress.show("m1", "one")
    progress.show("m1", "two")
    progress.end("m1", "done")
    progress.close()
    assert capsys.readouterr().out == "one\ntwo\ndone\n"
