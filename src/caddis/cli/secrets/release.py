"""The release that a restart with other secrets is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from caddis.cli.call import Call
from caddis.client.releases import create_release, finish_release, get_current_release
from caddis.domain.errors import NotFound, Problem

Wire = Mapping[str, Any]
_KEPT = ("extras", "image_digest")  # what else a release is made of (cli/deploy/ledger.py)


def begin_release(call: Call, app: str) -> Wire | None:
    """With configuration and image of the release before, so that the next deploy, scale and rollback find them.

    None where no release is complete: a first deploy that failed half-way is for `fly deploy` to complete.
    """
    try:
        before = call.send(get_current_release(app))
    except NotFound:
        return None
    definition, image = before.get("definition") or {}, str(before["image_ref"])
    request = create_release(
        app,
        definition=definition,
        image=image,
        strategy="rolling",
        description="Secrets changed",
        metadata={key: value for key, value in (before.get("metadata") or {}).items() if key in _KEPT},
    )
    release: Wire = call.send(request)["release"]
    return release


def run_release(call: Call, release: Wire | None) -> None:
    """Mark that machines are being changed now."""
    if release is not None:
        call.send(finish_release(str(release["id"]), "running"))


def end_release(call: Call, release: Wire | None, status: str, error: str = "") -> None:
    """`status`: complete, failed or interrupted. That it could not be marked is told, and no failure of its own."""
    if release is None:
        return
    try:
        call.send(finish_release(str(release["id"]), status, error=error))
    except Problem as problem:
        call.note(f"WARNING: the release could not be marked {status}: {problem.message}", "yellow")
