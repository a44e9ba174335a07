"""Secrets as they are given: NAME=VALUE arguments, and the lines of an import. Complaints never quote a value."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence

from caddis.domain.errors import Invalid
from caddis.domain.secret import MAX_VALUE_BYTES, check_secret_name, check_secret_value

_QUOTES = '"""'
NO_PAIRS = "requires at least one SECRET=VALUE pair"


def read_pairs(given: Sequence[str], read_stdin: Callable[[], str] | None = None) -> dict[str, str]:
    """NAME=VALUE, several times; NAME=- takes the value from stdin. Invalid before anything is sent."""
    values = {}
    from_stdin = [name for name, _, value in (one.partition("=") for one in given) if value == "-"]
    if len(from_stdin) > 1:
        raise Invalid(
            f"{' and '.join(from_stdin)} cannot both be read from stdin", hint="fly secrets import reads several"
        )
    for one in given:
        name, equals, value = one.partition("=")
        if not name or not equals:
            raise Invalid(
                "secrets must be given as NAME=VALUE: one of the arguments has no name, or no =",
                hint="fly secrets set NAME=VALUE, or NAME=- to read the value from stdin",
            )
        check_secret_name(name)
        values[name] = check_secret_value(name, (read_stdin or read_value)() if value == "-" else value)
    return values


def read_value() -> str:
    """All of stdin without the space around it, as flyctl has it; Invalid when it is more than a secret may have."""
    return read_text(MAX_VALUE_BYTES).strip()


def read_text(limit: int) -> str:
    """All of stdin; Invalid when it has more than `limit` bytes or is no text."""
    raw = sys.stdin.buffer.read(limit + 1)
    if len(raw) > limit:
        raise Invalid(f"what stands on stdin is longer than {limit} bytes")
    try:
        return raw.decode()
    except UnicodeDecodeError:
        raise Invalid(
            "what stands on stdin is not text", hint="base64 -w0 FILE | fly secrets set NAME=- keeps bytes"
        ) from None


def parse_import(text: str) -> dict[str, str]:
    '''The secrets of NAME=VALUE lines, later ones winning.

    Empty lines and those that begin with # say nothing, and `export` before a name is tolerated. Quotes around a value
    are taken off; a value that begins with """ goes on, lines and all, to the next """ at the end of a line. The line
    break right behind the first """ is not part of it. Invalid, with the line's number, otherwise.
    '''
    values: dict[str, str] = {}
    lines = [line.removesuffix("\r") for line in text.removeprefix("\ufeff").split("\n")]
    at = 0
    while at < len(lines):
        line, number = lines[at], at + 1
        at += 1
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        name, equals, value = line.partition("=")
        name, value = name.strip().removeprefix("export ").strip(), value.strip(" \t")
        if not equals:
            raise Invalid(f"line {number} of the secrets is not NAME=VALUE")
        if value.startswith(_QUOTES):
            value, at = _read_block(lines, at, value.removeprefix(_QUOTES), f"line {number} of the secrets")
        elif len(value) > 1 and value[0] == value[-1] and value[0] in "\"'":
            value = value[1:-1]
        values[_checked(name, number)] = check_secret_value(name, value)
    return values


def _read_block(lines: Sequence[str], at: int, first: str, where: str) -> tuple[str, int]:
    if first.endswith(_QUOTES):
        return first.removesuffix(_QUOTES), at
    parts = [first] if first else []
    while at < len(lines):
        line = lines[at]
        at += 1
        if line.endswith(_QUOTES):
            return "\n".join([*parts, line.removesuffix(_QUOTES)]), at
        parts.append(line)
    raise Invalid(f'{where} begins a value with """ that does not end')


def _checked(name: str, number: int) -> str:
    """A line whose name is none may hold a value: it is not quoted."""
    try:
        return check_secret_name(name)
    except Invalid as problem:
        raise Invalid(
            f"line {number} of the secrets does not begin with a name: use letters, digits and underscores",
            hint=problem.hint,
        ) from None
