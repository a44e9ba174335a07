"""Tables and JSON as flyctl prints them (facts: cli-volumes 0.4)."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from itertools import zip_longest
from typing import Any


def table(header: Sequence[str], rows: Iterable[Sequence[str]], *, title: str = "", right: Sequence[int] = ()) -> str:
    """Columns separated by ` │ `, no border, those of `right` aligned to the right; ends with a blank line."""
    lines = [[name.upper() for name in header], *(list(row) for row in rows)]
    text = _lines(lines, right)
    return f"{title}\n{text}\n" if title else f"{text}\n"


def ruled_table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """The same with a line under the header, as the tables of flyctl's other helper (facts: cli-deploy-launch 9)."""
    head, *body = table(header, rows).splitlines(keepends=True)
    rule = "".join("┼" if character == "│" else "─" for character in head.rstrip("\n"))
    return f"{head}{rule}\n{''.join(body)}"


def header_line(header: Sequence[str], rows: Sequence[Sequence[str]]) -> tuple[str, list[str]]:
    """The header's line and the rows' lines, for menus."""
    lines = _lines([[name.upper() for name in header], *(list(row) for row in rows)]).splitlines()
    return lines[0].strip(), [line.strip() for line in lines[1:]]


def vertical(pairs: Iterable[tuple[str, str]], *, title: str = "") -> str:
    """` Key │ value ` lines; ends with a blank line."""
    text = _lines([list(pair) for pair in pairs])
    return f"{title}\n{text}\n" if title else f"{text}\n"


def block(pairs: Iterable[tuple[str, str]]) -> str:
    """Labels right-aligned to 20, then `: `; ends with a blank line (facts: cli-volumes 2)."""
    return "".join(f"{label:>20}: {value}\n" for label, value in pairs) + "\n"


def as_json(document: Any, *, indent: int = 4) -> str:
    """Indented by four, newline at the end."""
    return json.dumps(document, indent=indent, ensure_ascii=False) + "\n"


def _lines(rows: Sequence[Sequence[str]], right: Sequence[int] = ()) -> str:
    """A cell of several lines makes its row as high."""
    if not rows:
        return ""
    flat = [line for row in rows for line in zip_longest(*(cell.split("\n") for cell in row), fillvalue="")]
    widths = [max(len(line[column]) for line in flat) for column in range(len(rows[0]))]
    padded = (
        [
            cell.rjust(width) if column in right else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(line, widths, strict=True))
        ]
        for line in flat
    )
    return "".join(" " + " │ ".join(cells) + " \n" for cells in padded)
