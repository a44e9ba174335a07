"""fly config on a terminal, and what must not be imported for other verbs."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from fakes.fly_command import Fly

pytest_plugins = ("fakes.fly_command",)
pytestmark = pytest.mark.host

OURS = '# mine\napp = "myapp"\nprimary_region = "lhr"\n[build]\nimage = "web:1"\n[env]\nA = "1"  # one\n'


def released(fly: Fly) -> None:
    fly.api.add_app("myapp")
    fly.write("fly.toml", OURS)
    assert fly("deploy", "--ha=false", "--smoke-checks=false").code == 0
    fly.write("fly.toml", OURS.replace("web:1", "web:2").replace('"1"', '"2"'))


def test_a_save_asks_before_it_overwrites_and_whether_the_build_stays(fly: Fly) -> None:
    released(fly)
    talk = fly.talk("config", "save")
    talk.expect("Overwrite it? (y/N)")
    talk.answer("y\n")
    talk.expect("Keep the [build] section of fly.toml? (Y/n)")
    talk.answer("n\n")
    assert talk.end() == 0
    assert "Wrote config file fly.toml" in talk.seen
    assert (fly.folder / "fly.toml").read_text() == OURS


def test_a_save_that_is_declined_leaves_the_file(fly: Fly) -> None:
    released(fly)
    before = (fly.folder / "fly.toml").read_text()
    talk = fly.talk("config", "save")
    talk.expect("Overwrite it? (y/N)")
    talk.answer("\n")
    assert talk.end() == 1
    assert (fly.folder / "fly.toml").read_text() == before


def test_a_version_imports_nothing_of_fly_toml() -> None:
    program = (
        "import sys; from caddis.cli.main import main; main(['version']);"
        "print([name for name in sys.modules if 'fly_toml' in name or name.startswith(('ruamel', 'tomlkit'))])"
    )
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=30)
    assert said.stdout.splitlines()[-1] == "[]", said
