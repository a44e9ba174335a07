"""The rows of the keys of a fly.json, whose text is known to be JSON."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

from caddis.wire.fly_toml.source import Rows

_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\],:\n]|[^\s{}\[\],:"]+', re.DOTALL)


@dataclass
class _Place:
    """An object or list that is open, and what in it comes next."""

    path: str
    position: int = -1  # from 0 in a list
    key: str = ""


def scan(text: str) -> Rows:
    """Every value by its path, with the row of its key, or in a list its own."""
    rows: dict[str, int] = {}
    open_places: list[_Place] = []
    row, after_colon = 1, False
    for match in _TOKEN.finditer(text):
        token = match[0]
        if token == "\n":
            row += 1
            continue
        here = open_places[-1] if open_places else _Place("")
        if token in "}]":
            open_places.pop()
        elif token == ":":
            after_colon = True
            continue
        elif token == ",":
            here.position += here.position >= 0
        elif token[0] == '"' and here.position < 0 and not after_colon and open_places:
            here.key = str(json.loads(token, strict=False))
            rows.setdefault(_inside(here), row)
            continue
        else:
            path = _inside(here)
            rows.setdefault(path, row)
            if token in "{[":
                open_places.append(_Place(path, 0 if token == "[" else -1))
        after_colon = False
    return rows


def _inside(place: _Place) -> str:
    if place.position >= 0:
        return f"{place.path}[{place.position}]"
    return f"{place.path}.{place.key}".removeprefix(".")
