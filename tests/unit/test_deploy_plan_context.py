"""What of a folder goes into a build: .dockerignore."""

from __future__ import annotations

import pytest

from caddis.cli.deploy.ignore import parse_ignore


@pytest.mark.parametrize(
    ("text", "out", "kept"),
    [
        ("node_modules", ["node_modules", "node_modules/a/b"], ["src/node_modules", "node_modules2"]),
        ("/build/", ["build", "build/x"], ["src/build"]),
        ("**/node_modules", ["node_modules", "a/node_modules", "a/b/node_modules/c"], ["node_modules2"]),
        ("*.log", ["a.log"], ["a/b.log", "a.logs"]),
        ("**/*.log", ["a.log", "a/b.log", "a/b/c.log"], ["a.txt"]),
        ("docs/**", ["docs/a", "docs/a/b"], ["docs", "doc"]),
        ("?.txt", ["a.txt"], ["ab.txt", ".txt"]),
        ("[ab].txt", ["a.txt", "b.txt"], ["c.txt"]),
        ("[!a].txt", [], ["b.md"]),
        ("*\n!keep", ["a", "b/c"], ["keep", "keep/x"]),
        ("a\n!a/b\na/b/c", ["a/x", "a/b/c"], ["a/b", "a/b/d"]),
        ("# a comment\n\n  spaced  ", ["spaced"], ["# a comment"]),
        ("./here", ["here"], []),
        (r"a\*b", ["a*b"], ["axb"]),
        ("a.b", ["a.b"], ["axb"]),
        ("[", ["["], []),
    ],
)
def test_patterns_leave_out_what_docker_leaves_out(text: str, out: list[str], kept: list[str]) -> None:
    ignore = parse_ignore(text)
    assert [path for path in out if not ignore.leaves_out(path)] == []
    assert [path for path in kept if ignore.leaves_out(path)] == []
