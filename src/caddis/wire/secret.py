"""Secrets as Fly spells them (facts: machines-api 6), and as control hands them to a host.

Complaints here never quote what was given: it may be a secret.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from caddis.domain.errors import Invalid
from caddis.domain.secret import MachineSecrets, Secret, check_secret_name, check_secret_value
from caddis.wire.reading import Reader
from caddis.wire.time import time_to_wire

IN_ORDER = "app_secrets"  # beside `config` in the order for a machine; control overwrites what a client puts there


def secret_to_wire(secret: Secret, value: str | None = None) -> dict[str, Any]:
    """One secret; with its value only where that was asked for and allowed. `version` is ours."""
    document: dict[str, Any] = {
        "name": secret.name,
        "digest": secret.digest,
        "created_at": time_to_wire(secret.created_at),
        "updated_at": time_to_wire(secret.updated_at),
        "version": secret.version,
    }
    return document if value is None else {**document, "value": value}


def secrets_to_wire(secrets: Iterable[Secret], version: int, values: Mapping[str, str] | None = None) -> dict[str, Any]:
    """A list, and the app's version; `Version` is what the specification calls deprecated."""
    shown = values or {}
    told = [secret_to_wire(secret, shown.get(secret.name)) for secret in secrets]
    return {"secrets": told, **version_to_wire(version)}


def version_to_wire(version: int) -> dict[str, int]:
    """The app's version of its secrets."""
    return {"version": version, "Version": version}


def secret_values_from_wire(document: object) -> dict[str, str | None]:
    """The `values` of a change: a text sets, null unsets."""
    values = document.get("values") if isinstance(document, Mapping) else None
    if not isinstance(values, Mapping):
        raise Invalid('values is missing: send {"values": {"NAME": "value", "OTHER": null}}', field="values")
    return {check_secret_name(name): None if value is None else _value(name, value) for name, value in values.items()}


def secret_value_from_wire(name: str, document: object) -> str:
    """The `value` of one secret."""
    value = document.get("value") if isinstance(document, Mapping) else None
    return _value(check_secret_name(name), value)


def _value(name: str, value: object) -> str:
    if not isinstance(value, str):
        raise Invalid(f"the value of {name} must be text", field=f"values.{name}")
    return check_secret_value(name, value)


def wanted_version(text: str) -> int:
    """`version` or `min_version` of a query; 0 without one."""
    if text and not (text.isascii() and text.isdecimal() and len(text) < 20):
        raise Invalid(f"version is {text[:40]!r}: it must be a whole number", field="version")
    return int(text or 0)


def machine_secrets_to_wire(secrets: MachineSecrets) -> dict[str, Any]:
    """What a host is told; it goes over the host's own door only."""
    return {"version": secrets.version, "env": dict(secrets.env), "files": dict(secrets.files)}


def machine_secrets_from_wire(document: Mapping[str, Any]) -> MachineSecrets:
    """What control told beside the config; nothing at all, of version 0, when it told nothing."""
    reader = Reader(document.get(IN_ORDER) or {}, IN_ORDER)
    return MachineSecrets(version=reader.whole("version"), env=reader.text_map("env"), files=reader.text_map("files"))
