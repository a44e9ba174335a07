"""Releases (facts: flyctl-calls 1.7)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from caddis.client.request import Request, get, post, segment


def create_release(
    app: str,
    *,
    definition: Mapping[str, Any],
    image: str,
    strategy: str,
    description: str = "",
    metadata: Mapping[str, Any] | None = None,
) -> Request:
    """`definition` is the fly.toml as JSON; `metadata` what else is to be known of it later."""
    body = {
        "app_name": app,
        "build_id": None,
        "definition": dict(definition),
        "image": image,
        "strategy": strategy.upper(),
        "description": description,
        "metadata": dict(metadata or {}),
    }
    return post("/api/v1/releases", body)


def finish_release(release: str, status: str, *, error: str = "") -> Request:
    """`status`: running, complete, failed or interrupted."""
    metadata = {"post_deployment_info": {"error": error}} if error else None
    body = {"status": status, "metadata": metadata}
    return Request(method="PATCH", path=f"/api/v1/releases/{segment(release)}", body=body)


def note_release(release: str, notes: Mapping[str, Any]) -> Request:
    """Write down more of a release that is under way; a key of `metadata` is replaced as a whole."""
    body = {"status": "running", "metadata": dict(notes)}
    return Request(method="PATCH", path=f"/api/v1/releases/{segment(release)}", body=body)


def list_releases(app: str, *, limit: int) -> Request:
    """Newest first."""
    return get(f"/api/v1/apps/{segment(app)}/releases", query=(("limit", str(limit)),))


def get_current_release(app: str) -> Request:
    """NotFound before the first one is complete."""
    return get(f"/api/v1/apps/{segment(app)}/releases/current")
