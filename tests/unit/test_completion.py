"""What is offered at the end of a command line, and how each shell is told."""

from __future__ import annotations

import shlex

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caddis.cli.completing import Candidate, Place, Source, place
from caddis.cli.completing_shells import answer, bash_lines, join_bash_words
from caddis.cli.tree import ROOT
from caddis.wire.release import STRATEGIES


def _at(line: str) -> Place:
    """The place at the end of a line; a blank at its end begins a new word."""
    words = shlex.split(line)
    return place(ROOT, words, "") if line.endswith(" ") or not words else place(ROOT, words[:-1], words[-1])


def _offers(line: str) -> list[str]:
    here = _at(line)
    return [one.value for one in here.fitting(here.fixed)]


@pytest.mark.parametrize(
    ("line", "values"),
    [
        ("vol", ["volumes"]),
        ("volumes sn", ["snapshots"]),
        ("v snaps c", ["create", "cat"]),
        ("undes", []),
        ("volumes undes", ["undestroy"]),  # an alias, where no name fits
        ("m st", ["status", "start", "stop"]),
        ("nothing ", []),
        ("apps destr", ["destroy"]),
        ("reg", []),  # hidden
        ("status --wat", ["--watch"]),
        ("status --watch --wat", []),  # said already
        ("deploy --env A=1 --env", ["--env"]),  # may be said again
        ("deploy --strategy ", list(STRATEGIES)),
        ("deploy --strategy r", ["rolling"]),
        ("deploy --strategy=r", ["--strategy=rolling"]),
        ("deploy --ha=", ["--ha=true", "--ha=false"]),
        ("deploy --ha ", []),  # a switch takes no further word
        ("deploy --vm-cpu-kind p", ["performance"]),
        ("completion ", ["bash", "zsh", "fish"]),
        ("completion bash ", []),
        ("scale vm shared-cpu-2", ["shared-cpu-2x"]),
        ("scale vm shared-cpu-2x ", []),
        ("help volumes sh", ["show"]),
        ("help env", ["environment"]),
        ("status -- --wat", []),
    ],
)
def test_the_tree_s_own_words_are_offered(line: str, values: list[str]) -> None:
    assert sorted(_offers(line)) == sorted(values)


@pytest.mark.parametrize(
    ("line", "source"),
    [
        ("status -a ", Source.APPS),
        ("status --app=w", Source.APPS),
        ("status -a=w", Source.APPS),
        ("volumes create data --region l", Source.REGIONS),
        ("deploy --regions lhr,", Source.REGIONS),
        ("deploy --process-groups ", Source.GROUPS),
        ("logs --machine ", Source.MACHINES),
        ("logs --instance ", Source.MACHINES),
        ("machine stop ", Source.MACHINES),
        ("machine exec ", Source.MACHINES),
        ("machine exec x ", None),
        ("m stop x ", Source.MACHINES),  # as many as one likes
        ("machine status x ", None),  # only one
        ("volumes show ", Source.VOLUMES),
        ("volumes restore ", Source.DESTROYED_VOLUMES),
        ("volumes snapshots create ", Source.VOLUMES),
        ("volumes snapshots cat ", Source.SNAPSHOTS),
        ("volumes snapshots cat x ", None),
        ("volumes snapshots get x /y ", Source.FILES),
        ("volumes create data --snapshot-id ", Source.SNAPSHOTS),
        ("volumes create ", None),
        ("apps destroy ", Source.APPS),
        ("apps destroy web ", Source.APPS),
        ("apps restart ", Source.APPS),
        ("apps create --org ", Source.ORGANIZATIONS),
        ("releases rollback ", Source.RELEASES),
        ("deploy ", Source.FOLDERS),
        ("deploy -c ", Source.FILES),
        ("deploy --config=x", Source.FILES),
    ],
)
def test_names_are_asked_for_where_they_belong(line: str, source: Source | None) -> None:
    assert _at(line).source is source


def test_what_was_given_goes_with_the_question() -> None:
    here = _at("-t secret machine stop -yaweb 0123 ")
    assert dict(here.given) == {"access-token": "secret"}  # stop has no -y: nobody knows what it would mean
    assert _at("machine stop -aweb ").given["app"] == "web"
    assert dict(_at("machine stop --config=x -a web ").given) == {"app": "web", "config": "x"}


def test_a_list_goes_on_behind_its_comma_and_offers_nothing_twice() -> None:
    here = _at("deploy --regions lhr,a")
    assert [one.value for one in here.fitting([Candidate("lhr"), Candidate("ams"), Candidate("fra")])] == ["lhr,ams"]
    here = _at("machine stop a1 ")
    assert [one.value for one in here.fitting([Candidate("a1"), Candidate("a2")])] == ["a2"]


@pytest.mark.parametrize(
    ("cut", "words", "before"),
    [
        (["volumes", "sh"], ["volumes", "sh"], ""),
        (["status", ""], ["status", ""], ""),
        (["status", "--app", "="], ["status", "--app="], "--app="),
        (["status", "--app", "=", "we"], ["status", "--app=we"], "--app="),
        (["status", "--app", "=", "web", ""], ["status", "--app=web", ""], ""),
        (["launch", "-v", "data", ":", "/da"], ["launch", "-v", "data:/da"], "data:"),
        (["status", "-a", "'we"], ["status", "-a", "we"], ""),
    ],
)
def test_words_that_bash_cut_are_whole_again(cut: list[str], words: list[str], before: str) -> None:
    assert join_bash_words(cut) == (words, before)


def test_bash_is_told_help_only_where_it_lists() -> None:
    two = [Candidate("list", "List all"), Candidate("show", "Show one")]
    assert bash_lines(two, {}) == ["list  (List all)", "show  (Show one)"]
    assert bash_lines(two[:1], {}) == ["list"]
    assert bash_lines(two, {"COMP_TYPE": "37"}) == ["list", "show"]
    assert bash_lines([Candidate("list", "x" * 90), Candidate("show")], {"COLUMNS": "40"}) == [
        f"list  ({'x' * 29}…)",
        "show",
    ]


def test_each_shell_gets_its_own_spelling() -> None:
    assert answer(["bash", "deploy", "--strategy", "=", "ro"], {}) == "rolling\n:done\n"
    assert answer(["fish", "apps", "--ac"], {}) == "--access-token\tAPI access token\n:done\n"
    assert answer(["zsh", "volumes", "snapshots", "cr"], {}) == "create:Snapshot a volume\n:done\n"
    assert answer(["bash", "deploy", ""], {}) == ":folders\n"
    assert answer(["fish", "deploy", "-c", ""], {}) == ":files\n"


def test_without_a_server_there_are_no_names_and_no_complaint() -> None:
    nowhere = {"HOME": "/nonexistent", "FLY_APP": "web"}
    for line in (["machine", "stop", ""], ["status", "-a", ""], ["volumes", "show", ""]):
        assert answer(["bash", *line], nowhere) == ":done\n"


@given(
    st.lists(st.text(alphabet="-=:,abvolumes /\n", max_size=8), max_size=5), st.sampled_from(["bash", "zsh", "fish"])
)
def test_whatever_is_typed_is_answered(words: list[str], shell: str) -> None:
    said = answer([shell, *words], {"HOME": "/nonexistent"})
    assert said.splitlines()[-1] in (":done", ":files", ":folders")
