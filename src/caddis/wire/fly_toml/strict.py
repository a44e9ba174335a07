"""Keys of a fly.toml that nobody reads, for `config validate --strict`. Free maps (env, args, headers…) have none."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields
from typing import Any

from caddis.wire.fly_toml import config as shapes
from caddis.wire.fly_toml.patches import patch

_INNER: Mapping[str, Any] = {
    "experimental": shapes.Experimental,
    "build": shapes.Build,
    "deploy": shapes.Deploy,
    "mounts": shapes.Mount,
    "http_service": shapes.HttpService,
    "services": shapes.Service,
    "files": shapes.FileSection,
    "restart": shapes.RestartSection,
    "vm": shapes.Vm,
    "metrics": shapes.Metrics,
    "release_command_vm": shapes.Vm,
    "concurrency": shapes.Concurrency,
    "tcp_checks": shapes.Check,
    "http_checks": shapes.Check,
}
_SPELLED = {"build_target": "build-target"}


def list_unknown_keys(config: shapes.FlyToml) -> list[str]:
    """Sections ("colour") and keys ("mounts.sauce") that mean nothing, in the file's order, each once."""
    return list(dict.fromkeys(_unknown(patch(config.document), shapes.FlyToml, "")))


def _unknown(table: Mapping[str, Any], shape: Any, prefix: str) -> Iterator[str]:
    known = {_SPELLED.get(field.name, field.name) for field in fields(shape) if field.compare}
    for key, value in table.items():
        name = f"{prefix}.{key}" if prefix else key
        if key not in known:
            yield name
            continue
        inner = _INNER.get(key)
        if key == "checks" and shape is shapes.FlyToml and isinstance(value, Mapping):
            for check_name, check in value.items():
                if isinstance(check, Mapping):
                    yield from _unknown(check, shapes.Check, f"{name}.{check_name}")
            continue
        inner = shapes.Check if key == "checks" else inner
        for entry in value if isinstance(value, list) else [value]:
            if inner is not None and isinstance(entry, Mapping):
                yield from _unknown(entry, inner, name)
