"""Finding the row of a key in a fly.toml, so that errors can point at it.

An own scan of the text, because no TOML reader at hand tells rows. Inline tables and lists have the row of their key.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

Key = tuple[str | int, ...]

# sections with several spellings, in the order in which patches.py joins them
SPELLINGS = {
    "mounts": ("mount", "mounts"),
    "vm": ("compute", "computes", "vm"),
    "metrics": ("metric", "metrics"),
    "services": ("services",),
    "checks": ("checks",),
    "restart": ("restart",),
    "files": ("files",),
    "statics": ("statics",),
    "env": ("env",),
}
_HEADER = re.compile(r"\s*(?P<open>\[\[?)(?P<key>[^\]]+)\]\]?\s*(?:#.*)?\Z")
_NAME = r"""(?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*')"""
_ASSIGNMENT = re.compile(rf"\s*(?P<key>{_NAME}(?:\s*\.\s*{_NAME})*)\s*=")
_KEY_PART = re.compile(r""""([^"]*)"|'([^']*)'|([A-Za-z0-9_-]+)""")
_PATH_PART = re.compile(r"\[(\d+)\]|([^.\[\]]+)")
_QUOTES = re.compile(r'"""|\'\'\'')


@dataclass(frozen=True, slots=True)
class Source:
    """A file's name and text."""

    name: str = "fly.toml"
    text: str = ""

    def row_of(self, path: str) -> int | None:
        """The row (from 1) of a path like "mounts[0].source", or of the nearest thing around it that has one."""
        return None if self.name.endswith(".json") else locate(self.text, split_path(path))

    def where(self, path: str) -> str:
        """ "fly.toml, row 12", or the name alone."""
        row = self.row_of(path)
        return f"{self.name}, row {row}" if row else self.name


def split_path(path: str) -> Key:
    """ "mounts[0].source" as a key path."""
    return tuple(int(match[1]) if match[1] else match[2] for match in _PATH_PART.finditer(path))


def locate(text: str, key: Key) -> int | None:
    """The row (from 1) of `key` in TOML text, else of the nearest thing around it, else None."""
    rows = dict(_scan(text))
    for candidate in _spellings(rows, key):
        for length in range(len(candidate), 0, -1):
            row = rows.get(candidate[:length])
            if row is not None:
                return row
    return None


def _spellings(rows: dict[Key, int], key: Key) -> Iterator[Key]:
    """The key as the text may spell it: section names have aliases, and `[mounts]` is as good as `[[mounts]]`."""
    names = SPELLINGS.get(str(key[0])) if key else None
    if names is None:
        yield key
        return
    if len(key) > 1 and isinstance(key[1], int):
        elements: list[Key] = []
        for name in names:
            numbered = [known for known in rows if len(known) == 2 and known[0] == name and isinstance(known[1], int)]
            elements += numbered or ([(name,)] if (name,) in rows else [])
        if key[1] < len(elements):
            yield elements[key[1]] + key[2:]
    for name in names:
        yield (name, *key[1:])


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
    for row, line in enumerate(text.splitlines(), start=1):
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
