"""FlyToml as the JSON document that a release keeps, and back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from typing import Any

from caddis.wire.duration import format_duration
from caddis.wire.fly_toml.config import FlyToml
from caddis.wire.fly_toml.decode import decode
from caddis.wire.fly_toml.locate import Source
from caddis.wire.fly_toml.patches import patch

_DURATIONS = frozenset(
    {"kill_timeout", "wait_timeout", "release_command_timeout", "interval", "timeout", "grace_period"}
)
_SPELLED = {"build_target": "build-target"}


def definition(config: FlyToml) -> dict[str, Any]:
    """The document in the one form and in flyctl's order; what the file does not say is left out."""
    return _table(config)


def from_definition(document: Mapping[str, Any]) -> FlyToml:
    """The configuration that a release kept; Invalid where a foreign client's has wrong types."""
    return replace(decode(patch(document)), document=document, source=Source("the release's configuration.json"))


def _table(value: Any) -> dict[str, Any]:
    document: dict[str, Any] = {}
    for known in fields(value):
        inner = getattr(value, known.name)
        if not known.compare or inner is None or (inner in ("", ()) and known.name != "raw_value"):
            continue
        if isinstance(inner, Mapping) and not inner:
            continue
        if known.name == "headers":
            inner = {name: values[0] if len(values) == 1 else values for name, values in inner.items()}
        key = _SPELLED.get(known.name, known.name)
        document[key] = format_duration(inner) if known.name in _DURATIONS else _value(inner)
    return document


def _value(value: Any) -> Any:
    if is_dataclass(value):
        return _table(value)
    if isinstance(value, Mapping):
        return {key: _value(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_value(inner) for inner in value]
    return value
