"""What the installation offers."""

from __future__ import annotations

from caddis.client.request import Request, get


def list_regions() -> Request:
    """`{"regions": [...], "nearest": code}`"""
    return get("/v1/platform/regions")


def get_platform_status() -> Request:
    """`{"status": ..., "hosts": [...]}`"""
    return get("/v1/platform/status")
