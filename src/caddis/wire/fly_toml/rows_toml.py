"""The rows of the keys of a fly.toml, so that errors can point at them.

An own scan of the text, because no TOML reader at hand tells rows. Inline tables and lists have the row of their key.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from caddis.wire.fly_toml.source import Rows

Key = tuple[str | int, ...]

_HEADER = re.compile(r"\s*(?P<open>\[\[?)(?P<key>[^\]]+)\]\]?\s*(?:#.*)?\Z")
_NAME = r"""(?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*')"""
_ASSIGNMENT = re.compile(rf"\s*(?P<key>{_NAME}(?:\s*\.\s*{_NAME})*)\s*=")
_KEY_PART = re.compile(r""""([^"]*)"|'([^']*)'|([A-Za-z0-9_-]+)""")
_QUOTES = re.compile(r'"""|\'\'\'')


def scan(text: str) -> Rows:
    """Every table and key by its path, with the row on which it first appears."""
    rows: dict[str, int] = {}
    for key, row in _scan(text):
        rows.setdefault(_path(key), row)
    return rows


def _path(key: Key) -> str:
    parts = (f"[{part}]" if isinstance(part, int) else f".{part}" for part in key)
    return "".join(parts).removeprefix(".")


def _scan(text: str) -> Iterator[tuple[Key, int]]:
    """Every table and key with the row on which it first appears."""
    table: Key = ()
    counts: dict[Key, int] = {}
    found: dict[Key, int] = {}
    for row, line in _statements(text):
        header = _HEADER.match(line)
        if header:
            table = _resolve(_parts(header["key"]), counts)
            if header["open"] == "[[":
                counts[table] = counts.get(table, -1) + 1
                found.setdefault(table, row)
                table = (*table, counts[table])
            found.setdefault(table, row)
            continue
        assignment = _ASSIGNMENT.match(line)
        if assignment:
            parts = _parts(assignment["key"])
            for length in range(1, len(parts) + 1):
                found.setdefault(table + parts[:length], row)
    yield from found.items()


def _parts(key: str) -> Key:
    return tuple(match[1] or match[2] or match[3] or "" for match in _KEY_PART.finditer(key))


def _resolve(parts: Key, counts: dict[Key, int]) -> Key:
    """The full path of a header: below an array of tables it means the array's latest entry."""
    path: Key = ()
    for position, part in enumerate(parts):
        path = (*path, part)
        if path in counts and position < len(parts) - 1:
            path = (*path, counts[path])
    return path


def _statements(text: str) -> Iterator[tuple[int, str]]:
    """Rows on which a header or an assignment begins: not inside lists or strings of several rows."""
    depth, quote = 0, ""
    for row, line in enumerate(text.split("\n"), start=1):
        if not quote and depth <= 0:
            depth = 0
            yield row, line
            if _HEADER.match(line):
                continue
        depth, quote = _follow(line, depth, quote)


def _follow(line: str, depth: int, quote: str) -> tuple[int, str]:
    """Depth of brackets and open long string after `line`."""
    position = 0
    while position < len(line):
        rest = line[position:]
        if quote:
            end = rest.find(quote)
            if end < 0:
                return depth, quote
            position, quote = position + end + 3, ""
            continue
        long = _QUOTES.match(rest)
        if long:
            position, quote = position + 3, long[0]
            continue
        short = re.match(r'"(?:[^"\\]|\\.)*"|\'[^\']*\'', rest)
        if short:
            position += len(short[0])
            continue
        if rest[0] == "#":
            break
        depth += (rest[0] in "[{") - (rest[0] in "]}")
        position += 1
    return depth, quote
