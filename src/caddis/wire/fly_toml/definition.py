"""FlyToml as the JSON document that a release keeps, and back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from caddis.wire.duration import format_duration
from caddis.wire.fly_toml.config import FlyToml
from caddis.wire.fly_toml.decode import decode
from caddis.wire.fly_toml.patches import patch
from caddis.wire.fly_toml.schema import Kind, Known, keys_of
from caddis.wire.fly_toml.source import Source


def definition(config: FlyToml) -> dict[str, Any]:
    """The document in the one form and in flyctl's order; what the file does not say is left out."""
    return _table(FlyToml, config)


def from_definition(document: Mapping[str, Any]) -> FlyToml:
    """The configuration that a release kept; with faults, where a foreign client's has wrong types."""
    # what is empty here had something in it that nobody knows: it was not dropped when the file was read
    config, faults = decode(patch(document, drops_empty=False).document)
    return replace(config, document=document, source=Source("the release's configuration"), faults=faults)


def _table(shape: Any, value: Any) -> dict[str, Any]:
    document: dict[str, Any] = {}
    for known in keys_of(shape):
        inner = getattr(value, known.name)
        if inner is not None and (inner not in ("", (), {}) or known.name == "raw_value" or _may_be_empty(known)):
            document[known.key] = _value(known, inner)
    return document


def _may_be_empty(known: Known) -> bool:
    """Whether an empty table is something else than none."""
    return known.kind in (Kind.FREE, Kind.TABLE)


def _value(known: Known, value: Any) -> Any:
    match known.kind:
        case Kind.DURATION:
            return format_duration(value)
        case Kind.HEADERS:
            return {name: values[0] if len(values) == 1 else list(values) for name, values in value.items()}
        case Kind.TABLE if not known.raw:
            return _table(known.shape, value)
        case Kind.TABLES if not known.raw:
            return [_table(known.shape, entry) for entry in value]
        case Kind.TABLE_MAP:
            return {name: _table(known.shape, entry) for name, entry in value.items()}
        case _:
            return _plain(value)


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _plain(inner) for key, inner in value.items()}
    return [_plain(inner) for inner in value] if isinstance(value, list | tuple) else value
