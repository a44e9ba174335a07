"""Help, names of old, and what whole-app verbs say against a fake API."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click
import pytest

from caddis.cli.nouns import LazyGroup, Noun
from caddis.cli.pages import TOPICS
from caddis.cli.tree import ROOT
from caddis.cli.usage import prose

if TYPE_CHECKING:
    from fakes.fly_command import Fly

pytest_plugins = ("fakes.fly_command",)
pytestmark = pytest.mark.host

MANAGED = {"image": "web:1", "metadata": {"fly_platform_version": "v2", "fly_process_group": "app"}}


def test_help_prints_what_the_flag_prints(fly: Fly) -> None:
    for words in ((), ("volumes",), ("volumes", "create"), ("v", "snaps", "create"), ("deploy",)):
        assert fly("help", *words).out == fly(*words, "--help").out
    assert "Examples:\n  fly volumes extend" in fly("help", "volumes", "extend").out


@pytest.mark.parametrize("topic", TOPICS)
def test_pages_of_their_own_are_read_by_name_and_named_by_the_first_page(fly: Fly, topic: str) -> None:
    assert fly("help", topic).out.startswith(TOPICS[topic].short + "\n\n")
    assert f"fly help {topic}" in fly("--help").out


def test_an_unknown_help_topic_says_what_is_near(fly: Fly) -> None:
    said = fly("help", "volumes", "lits")
    assert (said.code, said.out) == (1, "")
    assert said.err.startswith("Error: unknown help topic: volumes lits\n\nDid you mean this?\n\tfly help volumes list")
    assert "\tfly help environment\n" in fly("help", "enviroment").err


@pytest.mark.parametrize("width", [30, 60, 80, 110])
def test_help_keeps_within_the_terminal(width: int) -> None:
    def look(noun: Noun, context: click.Context) -> None:
        group = context.command
        assert isinstance(group, LazyGroup)
        for child in noun.children:
            command = group.get_command(context, child.name)
            assert command is not None
            below = click.Context(command, info_name=child.name, parent=context)
            if isinstance(child, Noun):
                look(child, below)
            _check(command.get_help(below), width)

    root = click.Context(LazyGroup(ROOT), info_name="fly", terminal_width=width)
    _check(root.command.get_help(root), width)
    look(ROOT, root)


def _check(text: str, width: int) -> None:
    """Only what cannot be broken goes further: commands to type, and words without a blank."""
    before, _, rest = text.partition("Examples:\n")
    for line in [*before.splitlines(), *rest.partition("\n\n")[2].splitlines()]:
        is_command = line.startswith(("  ", "Use ")) and ("fly " in line or "[" in line)
        assert len(line) <= width or is_command or " " not in line.strip() or width < 60, line


def test_indented_lines_of_a_text_stay_as_they_are() -> None:
    assert (
        prose("one two\nthree\n\n  four  five\n  six\n\nseven", 9) == "one two\nthree\n\n  four  five\n  six\n\nseven"
    )


def test_a_name_of_old_works_and_says_what_took_its_place(fly: Fly) -> None:
    fly.api.add_app("shop")
    said = fly("destroy", "shop", "-y")
    assert (said.code, said.out) == (0, "Destroyed app shop\n")
    assert said.err == 'Command "destroy" is deprecated, use `fly apps destroy` instead\n'
    assert "destroy " not in fly("--help").out


def test_all_names_are_looked_up_before_the_first_app_is_destroyed(fly: Fly) -> None:
    fly.api.add_app("one")
    said = fly("apps", "destroy", "one", "none", "-y")
    assert (said.code, said.out) == (1, "")
    assert list(fly.api.apps) == ["one"]


def test_destroying_tells_what_goes_and_what_can_be_brought_back(fly: Fly) -> None:
    fly.api.add_app("shop")
    volume = fly.api.add_volume("shop")
    fly.api.add_machine("shop", MANAGED)
    talk = fly.talk("apps", "destroy", "shop")
    talk.expect("Destroying an app is not reversible.")
    talk.expect("Its 1 machine will be gone, also if running.")
    talk.expect("Its 1 volume can be brought back for 24 hours, in a new app shop.")
    talk.expect("Destroy app shop? (y/N) ")
    talk.answer("y\n")
    assert talk.end() == 0
    assert f"  fly apps create shop\n  fly volumes restore {volume} -a shop\n" in talk.seen


def test_a_restart_does_what_it_can_and_names_what_it_could_not(fly: Fly) -> None:
    fly.api.add_app("web")
    here, away = fly.api.add_machine("web", MANAGED), fly.api.add_machine("web", MANAGED)
    by_hand = fly.api.add_machine("web", {"image": "x"})
    stopped = fly.api.add_machine("web", MANAGED, state="stopped")
    fly.api.machines[away]["host_status"] = "unreachable"
    said = fly("apps", "restart", "web", "--force-stop")
    assert said.code == 1
    assert f"Machine {here} restarted successfully!" in said.out
    assert not any(machine in said.out for machine in (away, by_hand, stopped))
    assert said.err.startswith(f"Error: machines that were not restarted, because their host does not answer: {away}\n")
    assert ("POST", f"/v1/apps/web/machines/{here}/restart?force_stop=true", None) in fly.api.requests
    assert fly.api.leases == {}


def test_an_argument_and_a_flag_that_name_two_apps_are_refused(fly: Fly) -> None:
    for verb in ("restart", "suspend", "resume", "move"):
        assert "two app names specified: a and b" in fly("apps", verb, "a", "-a", "b").err


def test_create_with_save_writes_the_file_or_creates_nothing(fly: Fly) -> None:
    assert fly("apps", "create", "first", "--save").code == 0
    lines = (fly.folder / "fly.toml").read_text().splitlines()
    assert [line for line in lines if line and not line.startswith("#")] == ["app = 'first'"]
    said = fly("apps", "create", "second", "--save")
    assert (said.code, said.err.splitlines()[0]) == (1, "Error: fly.toml exists: nothing was created")
    assert list(fly.api.apps) == ["first"]


def test_apps_are_listed_with_their_network_where_one_has_its_own(fly: Fly) -> None:
    fly.api.add_app("one")
    assert fly("apps", "list").out.splitlines()[0].split("│")[3].strip() == "LATEST DEPLOY"
    fly.api.apps["one"]["network"] = "quiet"
    assert fly("apps", "list").out.splitlines()[0].split("│")[3].strip() == "NETWORK"
    assert fly("apps", "list", "-q").out == " one \n"


def test_parts_of_the_world_are_underlined_on_a_terminal(fly: Fly) -> None:
    talk = fly.talk("platform", "regions", term="xterm")
    assert talk.end() == 0
    assert talk.seen == " NAME   │ CODE \n \x1b[4mEurope\x1b[0m │      \n London │ lhr  \n\n"
