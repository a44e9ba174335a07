"""Snapshots of volumes (facts: machines-api 5.5)."""

from __future__ import annotations

from caddis.client.request import Request, get, post
from caddis.client.volumes import volume_path


def list_snapshots(app: str, volume: str) -> Request:
    """Also of a volume that is gone."""
    return get(f"{volume_path(app, volume)}/snapshots")


def create_snapshot(app: str, volume: str) -> Request:
    """Begun when this answers."""
    return post(f"{volume_path(app, volume)}/snapshots")
