"""What the installation offers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from caddis.client.request import Request, get, post


def list_regions() -> Request:
    """`{"regions": [...], "nearest": code}`"""
    return get("/v1/platform/regions")


def ask_placements(wish: Mapping[str, Any]) -> Request:
    """`{"regions": [{"region", "count"}]}`: where machines like that would fit now (facts: machines-api 7)."""
    return post("/v1/platform/placements", dict(wish))


def get_platform_status() -> Request:
    """`{"status": ..., "hosts": [...]}`"""
    return get("/v1/platform/status")
