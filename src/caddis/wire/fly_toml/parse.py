"""From a file's text to the document in it, nothing more: all that verbs need which only look for `app`."""

from __future__ import annotations

import json
import re
import tomllib
from typing import Any

from caddis.domain.errors import Invalid

_AT = re.compile(r"\s*\(at (?:line (?P<row>\d+), column (?P<column>\d+)|end of document)\)\Z")


def parse(text: str, name: str = "fly.toml") -> dict[str, Any]:
    """The document; `name`'s suffix tells the format (.json, .yaml, anything else TOML).

    Invalid, with file, row and column, when the text is not in that format.
    """
    text = text.removeprefix("\ufeff")
    if name.endswith((".yaml", ".yml")):
        raise Invalid(
            f"{name}: YAML is not supported: this build has no library for it",
            hint="write the configuration as fly.toml or fly.json",
        )
    try:
        document = json.loads(text) if name.endswith(".json") else tomllib.loads(text)
    except json.JSONDecodeError as error:
        raise _unreadable(name, error.lineno, error.colno, f"this is not JSON: {error.msg}") from None
    except tomllib.TOMLDecodeError as error:
        at = _AT.search(str(error))
        rows = text.splitlines() or [""]
        row = int(at["row"]) if at and at["row"] else len(rows)
        column = int(at["column"]) if at and at["column"] else len(rows[-1]) + 1
        raise _unreadable(name, row, column, f"this is not TOML: {_AT.sub('', str(error))}") from None
    except (RecursionError, ValueError) as error:  # nested too deeply; a number of thousands of digits
        raise _unreadable(name, 1, 1, f"this cannot be read: {error}") from None
    if not isinstance(document, dict):
        raise Invalid(f"{name}: the configuration must be an object")
    return document


def _unreadable(name: str, row: int, column: int, reason: str) -> Invalid:
    return Invalid(f"{name}, row {row}, column {column}: {reason}")
