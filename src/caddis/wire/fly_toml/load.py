"""From a file's text to FlyToml: parse, patch, decode. Every error names the file and, in TOML, the row."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from caddis.domain.errors import Invalid
from caddis.wire.fly_toml.config import FlyToml
from caddis.wire.fly_toml.decode import decode
from caddis.wire.fly_toml.locate import Source
from caddis.wire.fly_toml.patches import patch

_AT = re.compile(r"\s*\(at (?:line (?P<row>\d+), column (?P<column>\d+)|end of document)\)\Z")


def load(text: str, name: str = "fly.toml") -> FlyToml:
    """The configuration in `text`; `name`'s suffix tells the format (.json, .yaml, anything else TOML).

    Invalid, with file, row and column, for text that cannot be parsed; with file, row and key for a wrong type.
    """
    source = Source(name, text.removeprefix("\ufeff"))
    document = _parse(source)
    try:
        config = decode(patch(document))
    except Invalid as problem:
        field = problem.field or ""
        raise Invalid(f"{source.where(field)}: {problem.message}", hint=problem.hint, field=problem.field) from None
    return replace(config, document=document, source=source)


def _parse(source: Source) -> Mapping[str, Any]:
    if source.name.endswith((".yaml", ".yml")):
        raise Invalid(f"{source.name}: YAML is not supported: write the configuration as fly.toml or fly.json")
    try:
        document = json.loads(source.text) if source.name.endswith(".json") else tomllib.loads(source.text)
    except json.JSONDecodeError as error:
        raise _unreadable(source, error.lineno, error.colno, f"this is not JSON: {error.msg}") from None
    except tomllib.TOMLDecodeError as error:
        at = _AT.search(str(error))
        rows = source.text.splitlines() or [""]
        row = int(at["row"]) if at and at["row"] else len(rows)
        column = int(at["column"]) if at and at["column"] else len(rows[-1]) + 1
        raise _unreadable(source, row, column, f"this is not TOML: {_AT.sub('', str(error))}") from None
    except RecursionError:
        raise _unreadable(source, 1, 1, "this is nested too deeply") from None
    if not isinstance(document, dict):
        raise Invalid(f"{source.name}: the configuration must be an object")
    return document


def _unreadable(source: Source, row: int, column: int, reason: str) -> Invalid:
    return Invalid(f"{source.name}, row {row}, column {column}: {reason}")
