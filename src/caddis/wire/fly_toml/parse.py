"""From a file's text to the document in it, nothing more: all that verbs need which only look for `app`."""

from __future__ import annotations

import json
import math
import re
import tomllib
from datetime import date, time
from typing import Any

from caddis.domain.errors import Invalid

_AT = re.compile(r"\s*\(at (?:line (?P<row>\d+), column (?P<column>\d+)|end of document)\)\Z")
_MAX_DEPTH = 64


def parse(text: str, name: str = "fly.toml") -> dict[str, Any]:
    """The document; `name`'s suffix tells the format (.json, .yaml, anything else TOML).

    Invalid, with file, row and column, when the text is not in that format.
    """
    text = text.removeprefix("\ufeff")
    try:
        document = _plain(_parse(text, name), 0)
    except (RecursionError, ValueError) as error:  # nested too deeply; a number of thousands of digits
        raise _unreadable(name, 1, 1, f"this cannot be read: {error}") from None
    if not isinstance(document, dict):
        raise Invalid(f"{name}: the configuration must be an object")
    return document


def _parse(text: str, name: str) -> Any:
    if name.endswith((".yaml", ".yml")):
        from caddis.wire.fly_toml.yaml_text import Unreadable, read

        try:
            document = read(text)
        except Unreadable as error:
            raise _unreadable(name, error.row, error.column, f"this is not YAML: {error.message}") from None
        return {} if document is None else document
    try:
        return json.loads(text) if name.endswith(".json") else tomllib.loads(text)
    except json.JSONDecodeError as error:
        raise _unreadable(name, error.lineno, error.colno, f"this is not JSON: {error.msg}") from None
    except tomllib.TOMLDecodeError as error:
        at = _AT.search(str(error))
        rows = text.removesuffix("\n").split("\n")
        row = int(at["row"]) if at and at["row"] else len(rows)
        column = int(at["column"]) if at and at["column"] else len(rows[-1]) + 1
        raise _unreadable(name, row, column, f"this is not TOML: {_AT.sub('', str(error))}") from None


def _plain(value: Any, depth: int) -> Any:
    """What JSON can hold, because releases are kept so: dates and endless numbers become text."""
    if depth > _MAX_DEPTH:
        raise ValueError("it is nested too deeply")
    match value:
        case dict():
            return {_plain(key, depth): _plain(inner, depth + 1) for key, inner in value.items()}
        case list():
            return [_plain(inner, depth + 1) for inner in value]
        case str():
            value.encode()  # half a character, which JSON's escapes can say, raises a ValueError
            return value
        case float() if not math.isfinite(value):
            return str(value)
        case date() | time():
            return value.isoformat()
        case _:
            return value


def _unreadable(name: str, row: int, column: int, reason: str) -> Invalid:
    return Invalid(f"{name}, row {row}, column {column}: {reason}")
