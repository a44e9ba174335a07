"""Whether somebody sits there, and in which colours to speak."""

from __future__ import annotations

import os
import sys
from typing import TextIO

_CODES = {"red": "31", "green": "32", "yellow": "33", "bold": "1", "faint": "2", "underline": "4"}


def is_interactive() -> bool:
    """Whether both what we read and what we write are terminals (facts: cli-volumes 0.3)."""
    return sys.stdin.isatty() and sys.stdout.isatty()


def paint(words: str, colour: str, stream: TextIO) -> str:
    """The words in a colour, if `stream` is a terminal and NO_COLOR is not set."""
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb" or not stream.isatty():
        return words
    return f"\x1b[{_CODES[colour]}m{words}\x1b[0m"
