"""Volumes (facts: machines-api 5)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from caddis.client.apps import app_path
from caddis.client.request import Request, get, post, segment


def volume_path(app: str, volume: str) -> str:
    """Of one volume."""
    return f"{app_path(app)}/volumes/{segment(volume)}"


def list_volumes(app: str) -> Request:
    """Also those being destroyed."""
    return get(f"{app_path(app)}/volumes")


def get_volume(app: str, volume: str) -> Request:
    """NotFound when the app has none of that id."""
    return get(volume_path(app, volume))


def find_volume(volume: str) -> Request:
    """Whatever its app, which is the answer's `app_name`. NotFound also when the token does not reach that app."""
    return get(f"/api/v1/volumes/{segment(volume)}")


def create_volume(app: str, wish: Mapping[str, Any]) -> Request:
    """`wish` in Fly's spelling (facts: machines-api 5.3)."""
    return post(f"{app_path(app)}/volumes", dict(wish))


def update_volume(
    app: str, volume: str, *, retention: int | None, scheduled: bool | None, io_limits: Mapping[str, int | None]
) -> Request:
    """None leaves a setting as it is. `retention` in days; `io_limits` has those that change."""
    body: dict[str, Any] = {"snapshot_retention": retention, "auto_backup_enabled": scheduled}
    if io_limits:
        body["io_limits"] = dict(io_limits)
    return Request(method="PUT", path=volume_path(app, volume), body=body)


def extend_volume(app: str, volume: str, size_gb: int) -> Request:
    """`size_gb` is the whole new size. The answer holds `volume` and `needs_restart`."""
    return Request(method="PUT", path=f"{volume_path(app, volume)}/extend", body={"size_gb": size_gb})


def destroy_volume(app: str, volume: str, *, erase: bool = False) -> Request:
    """Soft: `restore_volume` brings it back within 24 hours, unless told to `erase` it."""
    query = (("erase", "true"),) if erase else ()
    return Request(method="DELETE", path=volume_path(app, volume), query=query)


def restore_volume(app: str, volume: str) -> Request:
    """Undo `destroy_volume`."""
    return post(f"{volume_path(app, volume)}/restore")
