"""A .dockerignore file: which paths of a build's context stay behind. Pure.

Patterns are Go's (`*`, `?`, `[a-z]`) with `**` for any number of folders; they are relative to the context, match a
path or a folder above it, and the last one that matches decides; `!` brings back.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Ignore:
    """The patterns of one file, in order: (whether it brings back, what it matches)."""

    rules: tuple[tuple[bool, re.Pattern[str]], ...] = ()

    def leaves_out(self, path: str) -> bool:
        """Whether `path` (relative, with slashes) stays behind."""
        out = False
        for brings_back, pattern in self.rules:
            if pattern.match(path):
                out = not brings_back
        return out

    @property
    def brings_back(self) -> bool:
        """Whether a folder that stays behind may still hold something that does not."""
        return any(brings_back for brings_back, _ in self.rules)


def parse_ignore(text: str) -> Ignore:
    """The rules of a file's text."""
    rules = []
    for line in text.removeprefix("\ufeff").splitlines():
        pattern = line.strip()
        if not pattern or line.startswith("#"):
            continue
        brings_back = pattern.startswith("!")
        parts = [part for part in pattern.removeprefix("!").strip().split("/") if part not in ("", ".")]
        if parts:
            rules.append((brings_back, re.compile(_regex(parts) + r"(?:/.*)?\Z", re.DOTALL)))
    return Ignore(tuple(rules))


def _regex(parts: Sequence[str]) -> str:
    written = ""
    for position, part in enumerate(parts):
        last = position == len(parts) - 1
        if part == "**":
            written += ".+" if last else "(?:[^/]+/)*"
        else:
            written += _segment(part) + ("" if last else "/")
    return written


def _segment(part: str) -> str:
    written, position = "", 0
    while position < len(part):
        letter = part[position]
        position += 1
        if letter == "*":
            written += "[^/]*"
            while part[position : position + 1] == "*":
                position += 1
        elif letter == "?":
            written += "[^/]"
        elif letter == "[" and "]" in part[position + 1 :]:
            end = part.index("]", position + 1)
            inside = part[position:end].replace("\\", "\\\\").replace("[", "\\[")
            written += f"[{inside}]"
            position = end + 1
        elif letter == "\\" and position < len(part):
            written += re.escape(part[position])
            position += 1
        else:
            written += re.escape(letter)
    return written
