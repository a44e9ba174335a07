"""What an error tells people to type exists."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

import click
from house_rules import SOURCE

from caddis.cli.nouns import LazyGroup
from caddis.cli.tree import ROOT

_COMMAND = re.compile(r"\bfly ([a-z-]+)(?: ([a-z-]+))?")


def _hints() -> Iterator[tuple[str, str]]:
    for path in sorted(SOURCE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.keyword) and node.arg == "hint":
                for part in ast.walk(node.value):
                    if isinstance(part, ast.Constant) and isinstance(part.value, str):
                        yield str(path), part.value


def _exists(noun: str, verb: str) -> bool:
    root = LazyGroup(ROOT)
    context = click.Context(root, info_name="fly")
    command = root.get_command(context, noun)
    if not verb or not isinstance(command, click.Group):
        return command is not None
    return command.get_command(click.Context(command, parent=context), verb) is not None


def test_every_command_that_a_hint_names_is_there() -> None:
    named = [(where, match.groups("")) for where, hint in _hints() for match in _COMMAND.finditer(hint)]
    assert len(named) > 10
    absent = [f"{where}: fly {noun} {verb}" for where, (noun, verb) in named if not _exists(noun, verb)]
    assert absent == []
