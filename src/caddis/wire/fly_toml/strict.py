"""Keys of a fly.toml that nobody reads, for `config validate --strict`. Free maps (env, args, headers…) have none."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from caddis.wire.fly_toml.config import FlyToml
from caddis.wire.fly_toml.patches import patch
from caddis.wire.fly_toml.schema import Kind, keys_of

_NUMBERS = re.compile(r"\[\d+\]")


def list_unknown_keys(config: FlyToml) -> list[tuple[str, int | None]]:
    """Sections ("colour") and keys ("mounts.sauce") that mean nothing, each once, with its row, in the file's order."""
    found: dict[str, int | None] = {}
    for path in _unknown(patch(config.document).document, FlyToml, ""):
        found.setdefault(_NUMBERS.sub("", path), config.source.row_of(path))
    return sorted(found.items(), key=lambda one: one[1] or 0)


def _unknown(table: Mapping[str, Any], shape: Any, path: str) -> Iterator[str]:
    known = {one.key: one for one in keys_of(shape)}
    for key, value in table.items():
        here = f"{path}.{key}" if path else key
        if key not in known:
            yield here
            continue
        one = known[key]
        for place, entry in _entries(one.kind, value, here):
            if isinstance(entry, Mapping):
                yield from _unknown(entry, one.shape, place)


def _entries(kind: Kind, value: Any, path: str) -> Iterator[tuple[str, Any]]:
    """The tables below a key whose keys are known, and their places."""
    if kind is Kind.TABLE:
        yield path, value
    elif kind is Kind.TABLES and isinstance(value, list):
        yield from ((f"{path}[{position}]", entry) for position, entry in enumerate(value))
    elif kind is Kind.TABLE_MAP and isinstance(value, Mapping):
        yield from ((f"{path}.{name}", entry) for name, entry in value.items())
