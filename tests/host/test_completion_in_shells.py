"""Completion in the shells themselves: bash and zsh on a terminal, fish by what it would offer."""

from __future__ import annotations

import os
import pty
import re
import select
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from fakes.fly_command import Fly

pytest_plugins = ("fakes.fly_command",)
pytestmark = pytest.mark.host

DEADLINE = 20.0  # seconds
SHELLS = {
    "bash": (["bash", "--norc", "--noprofile", "-i"], "PS1=; bind 'set enable-bracketed-paste off'"),
    "zsh": (["zsh", "-f", "-i"], "PS1=; bindkey -e; unsetopt promptsp; autoload -Uz compinit; compinit -u -D"),
}
MACHINE = "00000000000001"


class Shell:
    """An interactive shell on a terminal of its own, with fly's completion in it."""

    def __init__(self, name: str, folder: Path) -> None:
        self._ours, theirs = pty.openpty()
        words, opening = SHELLS[name]
        environment = {**os.environ, "TERM": "xterm", "COLUMNS": "100", "PAGER": "cat"}
        self._child = subprocess.Popen(
            words, stdin=theirs, stdout=theirs, stderr=theirs, cwd=folder, env=environment, start_new_session=True
        )
        os.close(theirs)
        self.seen = ""
        self.type(f'{opening}; eval "$(fly completion {name})"; echo re""ady\n')
        self.expect("ready")

    def type(self, text: str) -> None:
        os.write(self._ours, text.encode())

    def expect(self, pattern: str) -> re.Match[str]:
        over = time.monotonic() + DEADLINE
        while (found := re.search(pattern, self.seen)) is None:
            ready = select.select([self._ours], [], [], max(0.0, over - time.monotonic()))[0]
            assert ready, f"{pattern!r} was not seen, but {self.seen!r}"
            self.seen += os.read(self._ours, 4096).decode(errors="replace")
        return found

    def completed(self, line: str) -> str:
        """The line as Tab leaves it: it is made the argument of a printf, and that is run."""
        self.seen = ""
        self.type(f"{line}\t\x01printf 'GOT-%s-END\\n' '\x05'\n")
        return self.expect(r"GOT-(fly[^\r\n]*)-END")[1]

    def end(self) -> None:
        self.type("\x15exit\n")
        try:
            self._child.wait(DEADLINE)
        finally:
            self._child.kill()
            os.close(self._ours)


@pytest.fixture(autouse=True)
def _installation(fly: Fly, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    fly.api.add_app("myapp")
    fly.api.add_machine("myapp", {"image": "web:1", "metadata": {"fly_process_group": "web"}})
    fly.write("fly.toml", 'app = "myapp"\n')
    (fly.folder / "site").mkdir()


@pytest.fixture(params=SHELLS)
def shell(request: pytest.FixtureRequest, fly: Fly) -> Iterator[Shell]:
    opened = Shell(request.param, fly.folder)
    yield opened
    opened.end()


LINES = {
    "fly vol": "fly volumes ",
    "fly v snaps cr": "fly v snaps create ",
    "fly deploy --strategy ro": "fly deploy --strategy rolling ",
    "fly deploy --strategy=ro": "fly deploy --strategy=rolling ",
    "fly status --app=my": "fly status --app=myapp ",
    "fly status -a my": "fly status -a myapp ",
    "fly machine stop 00": f"fly machine stop {MACHINE} ",
    "fly logs --machine ": f"fly logs --machine {MACHINE} ",
    "fly deploy --process-groups w": "fly deploy --process-groups web ",
    "fly deploy --regions l": "fly deploy --regions lhr ",
    "fly deploy -c fl": "fly deploy -c fly.toml ",
    "fly deploy --config=fl": "fly deploy --config=fly.toml ",
    "fly deploy si": "fly deploy site/",
    "flyctl vol": "flyctl volumes ",
}


def test_tab_completes_commands_flags_values_and_names(shell: Shell) -> None:
    # zsh takes what it put behind a word back when the cursor leaves it
    wanted = {line: end.rstrip(" /") for line, end in LINES.items()}
    assert {line: shell.completed(line).rstrip(" /") for line in LINES} == wanted


def test_several_are_listed_with_what_they_do(shell: Shell) -> None:
    shell.seen = ""
    shell.type("fly volumes snapshots \t\t")
    shell.expect(r"create[ -]+\(?Snapshot a volume")


def test_a_server_that_is_away_is_silence(fly: Fly, shell: Shell) -> None:
    shell.type("export FLY_FLAPS_BASE_URL=http://127.0.0.1:1\n")
    assert shell.completed("fly status -a my") == "fly status -a my"
    assert "Error" not in shell.seen and "Traceback" not in shell.seen


def test_a_server_that_never_answers_is_not_waited_for(fly: Fly, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        monkeypatch.setenv("FLY_FLAPS_BASE_URL", f"http://127.0.0.1:{mute.getsockname()[1]}")
        said = fly("__complete", "bash", "status", "-a", "")
    assert (said.code, said.out, said.err) == (0, ":done\n", "")


def test_names_are_offered_with_what_they_are(fly: Fly) -> None:
    volume = fly.api.add_volume("myapp")
    gone = fly.api.add_volume("myapp", state="pending_destroy")
    assert fly("__complete", "fish", "volumes", "show", "").out == f"{volume}\tdata, 1 GB, lhr, created\n:done\n"
    assert fly("__complete", "fish", "vol", "restore", "").out.startswith(f"{gone}\t")
    assert fly("__complete", "fish", "status", "-a", "").out == "myapp\tpending\n:done\n"
    assert fly("__complete", "fish", "launch", "-o", "").out == "personal\tPersonal\n:done\n"
    assert fly("__complete", "fish", "launch", "-r", "").out == "lhr\tLondon\n:done\n"
    assert fly("__complete", "fish", "deploy", "--process-groups", "").out == "web\t1 machine\n:done\n"
    fly.api.releases.append({"app_name": "myapp", "version": 3, "status": "complete", "image_ref": "web:3"})
    assert fly("__complete", "fish", "releases", "rollback", "").out == "v3\tcomplete, web:3\n:done\n"
    assert fly("__complete", "fish", "-t", "wrong", "status", "-a", "").out == ":done\n"


def _fish_offers(folder: Path, *lines: str) -> list[str]:
    asked = "; ".join(f'complete -C "{line}"' for line in lines)
    program = f"fly completion fish | source; {asked}"
    ran = subprocess.run(["fish", "--no-config", "-c", program], cwd=folder, capture_output=True, text=True, timeout=60)
    assert ran.stderr == ""
    return ran.stdout.splitlines()


def test_fish_offers_the_same_with_what_it_is(fly: Fly) -> None:
    lines = [line for line in LINES if not line.startswith("flyctl")]
    offered = [offer.partition("\t")[0] for offer in _fish_offers(fly.folder, *lines)]
    assert offered == [LINES[line].strip().split()[-1] for line in lines]
    assert "create\tSnapshot a volume" in _fish_offers(fly.folder, "fly v snaps cr")
    assert f"{MACHINE}\tname-1, lhr, started" in _fish_offers(fly.folder, "fly m stop ")


def test_other_shells_are_refused(fly: Fly) -> None:
    said = fly("completion", "tcsh")
    assert (said.code, said.err.splitlines()[0]) == (
        1,
        "Error: there is no completion for 'tcsh', only for bash, zsh, fish",
    )
