"""Every verb shows how it is used, and what it shows can be typed."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator

import click
import pytest
from house_rules import SOURCE

from caddis.cli.nouns import LazyGroup, Leaf, Noun
from caddis.cli.pages import NOUNS, TOPICS
from caddis.cli.tree import ROOT
from caddis.cli.verb import GoCommand


def _verbs(noun: Noun, path: tuple[str, ...] = ()) -> Iterator[tuple[str, Leaf]]:
    for child in noun.children:
        if isinstance(child, Noun):
            yield from _verbs(child, (*path, child.name))
        else:
            yield " ".join((*path, child.name)), child


VERBS = dict(_verbs(ROOT))


def _parse(words: list[str]) -> GoCommand:
    """The command of a line, once its flags and arguments have been read; click.UsageError when they cannot be."""
    group: click.Command = LazyGroup(ROOT)
    context = click.Context(group, info_name="fly")
    rest = words[1:]
    while isinstance(group, LazyGroup):
        _, command, rest = group.resolve_command(context, rest)
        assert command is not None
        group, context = command, click.Context(command, info_name=command.name, parent=context)
    assert isinstance(group, GoCommand)
    group.make_context(group.name, list(rest), parent=context.parent)
    return group


def _commands(line: str) -> Iterator[list[str]]:
    """The `fly` commands of a line, which may be a pipe."""
    lexer = shlex.shlex(line.partition("  # ")[0], posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    words: list[str] = []
    for word in [*lexer, "|"]:
        if re.fullmatch(r"[|&;<>()]+", word):
            if words[:1] in (["fly"], ["flyctl"]):
                yield words
            words = []
        else:
            words.append(word)


@pytest.mark.parametrize("path", VERBS)
def test_every_verb_has_an_example_and_every_example_can_be_typed(path: str) -> None:
    command = LazyGroup(ROOT)
    found: click.Command | None = command
    for name in path.split():
        assert isinstance(found, LazyGroup)
        found = found.get_command(click.Context(found), name)
    assert isinstance(found, GoCommand)
    assert found.examples, f"fly {path} has no examples: give verb(...) some"
    own = False
    for line in found.examples:
        for words in _commands(line):
            try:
                own = _parse(words) is found or own
            except click.UsageError as wrong:
                pytest.fail(f"the example {line!r} of fly {path}: {wrong.format_message()}")
    assert own, f"no example of fly {path} uses it"


def test_pages_are_about_nouns_that_there_are() -> None:
    for path in NOUNS:
        assert isinstance(_find(path.split()[1:]), Noun), path


def _find(names: list[str]) -> Noun | Leaf | None:
    found: Noun | Leaf | None = ROOT
    for name in names:
        found = found.find(name) if isinstance(found, Noun) else None
    return found


def test_every_variable_of_the_page_is_read_and_every_one_that_flags_name_is_on_it() -> None:
    shown = set(re.findall(r"\bFLY_[A-Z_]+\b", TOPICS["environment"].text))
    text = "\n".join(path.read_text() for room in ("cli", "client") for path in (SOURCE / room).rglob("*.py"))
    without_page = text.replace((SOURCE / "cli/pages.py").read_text(), "")
    assert shown <= set(re.findall(r"\"(FLY_[A-Z_]+)\"", without_page))
    of_flags = re.findall(r"env=\(([^)]*)\)", without_page)
    assert {name for group in of_flags for name in re.findall(r"FLY_[A-Z_]+", group)} <= shown
