"""Secrets of an app (facts: machines-api 6)."""

from __future__ import annotations

from collections.abc import Mapping

from caddis.client.apps import app_path
from caddis.client.request import Request, get, post


def list_secrets(app: str) -> Request:
    """`{"secrets": [...], "version": N}`: names and digests, no values."""
    return get(f"{app_path(app)}/secrets")


def change_secrets(app: str, values: Mapping[str, str | None]) -> Request:
    """Set, and with None unset; machines get them with their next version."""
    return post(f"{app_path(app)}/secrets", {"values": dict(values)})
