"""What somebody sees on a terminal: just enough of one for our questions."""

from __future__ import annotations

import re

_PIECES = re.compile(r"\x1b\[([0-9;]*)([A-Za-z])|(\r?\n)|(.)", re.DOTALL)


def see(said: str, columns: int) -> list[str]:
    """The rows of the screen, from the first to the last with anything on it."""
    rows, row, column = [""], 0, 0
    for number, command, newline, character in _PIECES.findall(said):
        if newline:
            row, column = row + 1, 0
        elif command == "A":
            row, column = max(0, row - int(number or 1)), 0
        elif command == "J":
            rows = [*rows[:row], rows[row][:column] if row < len(rows) else ""]
        elif character:
            if column == columns:
                row, column = row + 1, 0
            rows += [""] * (row + 1 - len(rows))
            rows[row] = rows[row][:column].ljust(column) + character + rows[row][column + 1 :]
            column += 1
        rows += [""] * (row + 1 - len(rows))
    while rows and not rows[-1].strip():
        rows.pop()
    return [line.rstrip() for line in rows]
