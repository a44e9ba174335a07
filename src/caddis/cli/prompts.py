"""Questions on a terminal: yes or no, one of several, a line of text. Ctrl-C ends the command with 127.

A menu is moved through with the arrow keys (or j and k) and taken with Enter; a number jumps. Where the terminal cannot
do that (TERM=dumb) the same menu is numbered and a number is read.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Sequence

from caddis.cli.terminal import paint

_KEYS = re.compile(rb"\x1b[\[O][A-Za-z]|.", re.DOTALL)
PAGE = 15  # rows of a menu that are shown at once


def confirm(question: str, *, default: bool = False) -> bool:
    """`? question (y/N) `"""
    asked = f"{question} ({'Y/n' if default else 'y/N'}) "
    while True:
        typed = _read(f"{_mark()} {asked}")
        answer = typed.strip().lower()
        if answer in ("", "y", "yes", "n", "no"):
            agreed = answer.startswith("y") if answer else default
            _settle(question, "Yes" if agreed else "No", rows=count_rows(f"? {asked}{typed}", _columns()))
            return agreed
        print("Please answer y or n.", flush=True)


def ask(question: str, *, default: str = "") -> str:
    """`? question (default) `"""
    shown = f" ({default})" if default else ""
    return _read(f"{_mark()} {question}{shown} ").strip() or default


def _settle(question: str, answer: str, *, rows: int) -> None:
    """Leave the answer in words behind the question, where the terminal can go back to where that began."""
    if sys.stdout.isatty() and os.environ.get("TERM") not in (None, "", "dumb"):
        sys.stdout.write(f"\x1b[{rows}A\x1b[J{_mark()} {question} {answer}\n")
        sys.stdout.flush()


def count_rows(text: str, columns: int) -> int:
    """How many rows of a terminal the text takes; long lines go on in the next row. Pure."""
    return sum(max(1, -(-len(line) // columns)) for line in text.split("\n"))


def _columns() -> int:
    return max(10, shutil.get_terminal_size().columns)


def select(question: str, options: Sequence[str], *, default: int = 0) -> int:
    """The position of the option that was taken."""
    if os.environ.get("TERM") in (None, "", "dumb"):
        return _select_by_number(question, options, default)
    return _select_by_arrows(question, options, default)


def _mark() -> str:
    return paint("?", "green", sys.stdout)


def _read(prompt: str) -> str:
    sys.stdout.write(prompt)
    sys.stdout.flush()
    line = sys.stdin.readline()
    if not line:
        raise EOFError
    return line.rstrip("\n")


def _select_by_number(question: str, options: Sequence[str], default: int) -> int:
    for number, option in enumerate(options, 1):
        print(f"  {number}) {option}")
    while True:
        answer = ask(question, default=str(default + 1))
        if answer.isdigit() and 1 <= int(answer) <= len(options):
            return int(answer) - 1
        print(f"Please answer with a number from 1 to {len(options)}.", flush=True)


def _select_by_arrows(question: str, options: Sequence[str], default: int) -> int:
    import termios
    import tty

    terminal = sys.stdin.fileno()
    before = termios.tcgetattr(terminal)
    position, drawn = default, 0
    asked = f"{question}  [Use arrows to move, Enter to select]"
    print(f"{_mark()} {asked}", flush=True)
    try:
        tty.setcbreak(terminal)  # Ctrl-C still raises KeyboardInterrupt
        while True:
            drawn = _draw(options, position, drawn)
            typed = os.read(terminal, 64)
            if typed == b"":
                raise EOFError
            position, taken = follow_keys(typed, position, len(options))
            if taken:
                break
    finally:
        termios.tcsetattr(terminal, termios.TCSADRAIN, before)
    rows = drawn + count_rows(f"? {asked}", _columns())
    sys.stdout.write(f"\x1b[{rows}A\x1b[J{_mark()} {question} {options[position]}\n")
    sys.stdout.flush()
    return position


def follow_keys(typed: bytes, position: int, count: int) -> tuple[int, bool]:
    """Where the menu stands after these keys, several of which may come at once, and whether it was taken. Pure."""
    for key in _KEYS.findall(typed):
        if key in (b"\r", b"\n"):
            return position, True
        position = _moved(key, position, count)
    return position, False


def _moved(key: bytes, position: int, count: int) -> int:
    if key in (b"\x1b[A", b"\x1bOA", b"k"):
        return (position - 1) % count
    if key in (b"\x1b[B", b"\x1bOB", b"j"):
        return (position + 1) % count
    if key.isdigit() and 1 <= int(key) <= count:
        return int(key) - 1
    return position


def _draw(options: Sequence[str], position: int, drawn: int) -> int:
    first = min(max(0, position - PAGE // 2), max(0, len(options) - PAGE))
    shown = options[first : first + PAGE]
    up = f"\x1b[{drawn}A\x1b[J" if drawn else ""
    # One row each, whatever the terminal's width: what is drawn is counted in rows when it is drawn anew.
    width = _columns() - 3
    lines = (f"{'>' if first + row == position else ' '} {option[:width]}\n" for row, option in enumerate(shown))
    sys.stdout.write(up + "".join(lines))
    sys.stdout.flush()
    return len(shown)
