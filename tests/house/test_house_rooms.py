"""HOUSE 1 to 3: every room opens by saying what it is for, its colour, whom it knows and what is out of scope."""

from __future__ import annotations

import ast
import re

import pytest
from house_rules import SOURCE, sources

ROOMS = sorted(path.name for path in SOURCE.iterdir() if (path / "__init__.py").exists())
ASYNC_FREE = {"domain", "wire", "kernel", "journal", "volumes", "images", "machines", "network", "backups", "catalog"}
PURE_FORBIDDEN = {"os", "socket", "time", "random", "secrets", "pathlib", "threading", "tempfile", "shutil"}


def _opening(room: str) -> str:
    return ast.get_docstring(ast.parse((SOURCE / room / "__init__.py").read_text())) or ""


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_opens_with_what_it_is_for(room: str) -> None:
    first = _opening(room).splitlines()[0]
    assert ":" in first and re.match(r"[A-Z'’]{3,}|A (TRADE|PROGRAM)\b", first), f"{room} opens with: {first!r}"


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_names_its_colour_whom_it_knows_and_what_is_out_of_scope(room: str) -> None:
    text = _opening(room)
    assert "Colour:" in text
    assert re.search(r"[Kk]nows?\b", text)
    assert "Out of scope:" in text


@pytest.mark.parametrize("room", sorted(ASYNC_FREE & set(ROOMS)))
def test_a_blocking_or_pure_room_has_no_asyncio(room: str) -> None:
    for source in sources():
        if source.path.is_relative_to(SOURCE / room):
            assert not _imported(source.tree) & {"asyncio", "anyio"}, source.place


@pytest.mark.parametrize("room", sorted({"domain", "wire"} & set(ROOMS)))
def test_a_pure_room_has_no_input_no_clock_and_no_randomness(room: str) -> None:
    for source in sources():
        if source.path.is_relative_to(SOURCE / room):
            assert not _imported(source.tree) & PURE_FORBIDDEN, source.place
            assert ".now(" not in source.text and "uuid4" not in source.text, source.place


def _imported(tree: ast.Module) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module.split(".")[0])
    return names
