"""fly config: faults by row, what was released, and a file that keeps its owner's comments."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from real_calls import Calls
from real_up import left_behind, running

pytestmark = pytest.mark.e2e

MINE = """\
# my app, since 2019
app = "settled"
primary_region = "lhr"   # near me

[build]
  # never written by hand
  image = "{image}"

[env]
  # for the greeting
  GREETING = "hello"

[[vm]]
  memory = 512
"""


@pytest.fixture(scope="module")
def calls() -> Iterator[Calls]:
    with running(hosts=1, pool_size="3G") as up:
        calls = Calls(up, "settled")
        yield calls
        calls.close()
    assert left_behind(up.data) == []


@pytest.fixture(scope="module")
def folder(calls: Calls, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The app's folder; it was deployed from there once."""
    folder = tmp_path_factory.mktemp("settled")
    (folder / "fly.toml").write_text(MINE.format(image=calls.image))
    calls.up.fly("deploy", "--ha=false", "--smoke-checks=false", folder=folder)
    return folder


def test_every_fault_is_listed_with_its_row_in_every_format(calls: Calls, tmp_path: Path) -> None:
    texts = {
        "fly.toml": 'app = "x"\nkill_timeout = []\n[deploy]\nstrategy = "never"\nstratgy = 1\n',
        "fly.json": '{"app": "x",\n"kill_timeout": [],\n"deploy": {\n"strategy": "never",\n"stratgy": 1}}\n',
        "fly.yaml": "app: x\nkill_timeout: []\ndeploy:\n  strategy: never\n  stratgy: 1\n",
    }
    for name, text in texts.items():
        (tmp_path / name).write_text(text)
        said = calls.up.fly("config", "validate", "--strict", "-c", name, folder=tmp_path, code=1)
        for row, key in ((2, "kill_timeout"), (4, "deploy.strategy")):
            assert f"   ✘ row {row}: {key}" in said, said
        assert "  - deploy.stratgy (row 5)\n" in said and said.endswith("Error: App configuration is not valid\n"), said


def test_what_was_released_is_valid_shown_and_the_same_in_every_format(calls: Calls, folder: Path) -> None:
    elsewhere = folder / "elsewhere"
    elsewhere.mkdir()
    said = calls.up.fly("config", "validate", "-a", "settled", folder=elsewhere)
    assert said == "Validating the current release of settled\n✓ Configuration is valid\n"
    shown = json.loads(calls.up.fly("config", "show", "-a", "settled", folder=elsewhere))
    assert (shown["env"], shown["vm"]) == ({"GREETING": "hello"}, [{"memory": "512"}])
    for flag in ("--toml", "--yaml"):
        (elsewhere / f"fly.{flag[2:]}").write_text(calls.up.fly("config", "show", flag, folder=folder))
        local = calls.up.fly("config", "display", "--local", "-c", f"fly.{flag[2:]}", folder=elsewhere)
        assert json.loads(local) == shown


def test_a_save_keeps_comments_and_the_local_build(calls: Calls, folder: Path) -> None:
    path = folder / "fly.toml"
    path.write_text(
        MINE.format(image="another:1").replace('"hello"', '"changed by hand"') + '\n[[vm]]\nmemory = "1gb"\n'
    )
    asked = calls.up.fly("config", "save", folder=folder, code=1)
    assert "yes flag must be specified" in asked and "changed by hand" in path.read_text()
    assert calls.up.fly("config", "save", "--yes", folder=folder) == "Wrote config file fly.toml\n"
    assert path.read_text().rstrip() == MINE.format(image="another:1").rstrip()
    for name in ("json", "yaml"):
        assert calls.up.fly("config", "save", f"--{name}", folder=folder) == f"Wrote config file fly.{name}\n"
    assert (folder / "fly.yaml").read_text().startswith("# fly.yaml: configuration of the app settled, written ")


def test_the_environment_is_shown_in_two_tables(calls: Calls, folder: Path) -> None:
    calls.up.fly("secrets", "set", "PASSWORD=hidden", "--stage", folder=folder)
    said = calls.up.fly("config", "env", folder=folder)
    assert said.startswith("Secrets\n NAME ") and " PASSWORD │ " in said and "hidden" not in said
    assert "Environment Variables\n" in said
    assert " GREETING │ hello \n" in said


def test_what_cannot_be_saved_or_shown_says_what_to_do(calls: Calls, tmp_path: Path) -> None:
    assert "no app named 'nowhere'" in calls.up.fly("config", "show", "-a", "nowhere", folder=tmp_path, code=1)
    calls.ok("POST", "/v1/apps", {"app_name": "undeployed", "org_slug": "personal"})
    assert "fly deploy" in calls.up.fly("config", "save", "-a", "undeployed", folder=tmp_path, code=1)
    assert "no folder" in calls.up.fly("config", "save", "-a", "settled", "-c", "a/b.toml", folder=tmp_path, code=1)
    assert list(tmp_path.iterdir()) == []
