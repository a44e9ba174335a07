"""What the house tests read: every source file once, and the list of exceptions."""

from __future__ import annotations

import ast
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "src" / "caddis"
Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Source:
    """A file of Caddis."""

    path: Path
    text: str
    tree: ast.Module

    @property
    def place(self) -> str:
        """As the exceptions list names it."""
        return str(self.path.relative_to(ROOT))


@cache
def sources() -> tuple[Source, ...]:
    """Every Python file of the package, migrations aside (they are written by date, not by room)."""
    found = []
    for path in sorted(SOURCE.rglob("*.py")):
        text = path.read_text()
        found.append(Source(path, text, ast.parse(text)))
    return tuple(found)


def definitions(source: Source) -> Iterator[tuple[str, Function | ast.ClassDef]]:
    """Every function and class with its place, such as src/caddis/x.py::Class.method."""

    def walk(node: ast.AST, prefix: str) -> Iterator[tuple[str, Function | ast.ClassDef]]:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, Function | ast.ClassDef):
                name = f"{prefix}{child.name}"
                yield f"{source.place}::{name}", child
                yield from walk(child, f"{name}.")
            else:
                yield from walk(child, prefix)

    yield from walk(source.tree, "")


def functions() -> Iterator[tuple[str, Function]]:
    """Every function and method of the package."""
    for source in sources():
        for place, node in definitions(source):
            if isinstance(node, Function):
                yield place, node


def classes() -> Iterator[tuple[str, ast.ClassDef]]:
    """Every class of the package."""
    for source in sources():
        for place, node in definitions(source):
            if isinstance(node, ast.ClassDef):
                yield place, node


def public_definitions() -> Iterator[tuple[str, Function | ast.ClassDef]]:
    """What other rooms may use: no leading underscore, not inside a function, not a member of a Protocol."""

    def walk(node: ast.AST, prefix: str) -> Iterator[tuple[str, Function | ast.ClassDef]]:
        for child in ast.iter_child_nodes(node):
            if not isinstance(child, Function | ast.ClassDef) or child.name.startswith("_"):
                continue
            yield f"{prefix}{child.name}", child
            if isinstance(child, ast.ClassDef) and not any(ast.unparse(base) == "Protocol" for base in child.bases):
                yield from walk(child, f"{prefix}{child.name}.")

    for source in sources():
        yield from walk(source.tree, f"{source.place}::")


def lines(node: Function | ast.ClassDef) -> int:
    """How many lines a definition takes, its decorators aside."""
    return (node.end_lineno or node.lineno) - node.lineno + 1


@cache
def exceptions() -> dict[str, dict[str, str]]:
    """By rule, then by place: the reason."""
    found: dict[str, dict[str, str]] = {}
    for entry in tomllib.loads((Path(__file__).parent / "exceptions.toml").read_text()).get("exception", ()):
        found.setdefault(entry["rule"], {})[entry["place"]] = entry["reason"]
    return found


def check(rule: str, broken: dict[str, str]) -> None:
    """Fail for every broken place that is not excused, and for every excuse that is no longer needed."""
    excused = exceptions().get(rule, {})
    unexcused = [f"{place}: {how}" for place, how in sorted(broken.items()) if place not in excused]
    assert not unexcused, f"{rule}:\n  " + "\n  ".join(unexcused)
    needless = sorted(set(excused) - set(broken))
    assert not needless, f"{rule}: these exceptions are no longer needed, take them off the list: {needless}"
