"""Releases and builds as flyctl asks for them under `/api/v1` (facts: flyctl-calls 1.7)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from caddis.domain.errors import Invalid
from caddis.domain.release import Release
from caddis.wire.reading import Reader
from caddis.wire.time import time_to_wire

STRATEGIES = ("rolling", "immediate", "canary", "bluegreen")
STATUSES = ("pending", "running", "complete", "failed", "interrupted")


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseRequest:
    """A new release; `definition` is the fly.toml as JSON, kept unchanged."""

    app_name: str
    image: str
    definition: Mapping[str, Any]
    strategy: str = "rolling"
    build_id: int | None = None
    description: str = ""
    metadata: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleasePatch:
    """How a release goes on."""

    status: str
    metadata: Mapping[str, Any] | None = None


def release_request_from_wire(document: object) -> ReleaseRequest:
    """The body of a new release; the strategy comes in capitals."""
    reader = Reader(document)
    app_name = reader.name("app_name")
    if not app_name:
        raise Invalid("app_name is missing: a release belongs to an app", field="app_name")
    definition, metadata = reader.find_object("definition"), reader.find_object("metadata")
    strategy = reader.text("strategy").lower()
    return ReleaseRequest(
        app_name=app_name,
        image=reader.name("image"),
        definition=definition.document if definition else {},
        strategy=Reader({"strategy": strategy}).choice("strategy", STRATEGIES, "rolling"),
        build_id=reader.find_whole("build_id", low=0, high=2**63),
        description=reader.text("description"),
        metadata=metadata.document if metadata else {},
    )


def release_patch_from_wire(document: object) -> ReleasePatch:
    """The body of a change of a release."""
    reader = Reader(document)
    metadata = reader.find_object("metadata")
    return ReleasePatch(status=reader.choice("status", STATUSES, ""), metadata=metadata.document if metadata else None)


def release_to_wire(release: Release) -> dict[str, Any]:
    """The bare release object, which is also the answer to a change."""
    return {
        "id": release.id,
        "version": release.version,
        "stable": release.status == "complete",
        "in_progress": release.status in ("pending", "running"),
        "status": release.status,
        "strategy": release.strategy.upper(),
        "user": release.user,
        "created_at": time_to_wire(release.created_at),
        "image_ref": release.image,
        "definition": dict(release.definition),
        "description": release.description or f"Release ({release.strategy})",
        "metadata": dict(release.metadata),
    }


def release_created_to_wire(release: Release) -> dict[str, Any]:
    """The answer to a new release."""
    return {"release": release_to_wire(release)}


def releases_to_wire(releases: Iterable[Release]) -> dict[str, Any]:
    """A list of releases, newest first."""
    return {"releases": [release_to_wire(release) for release in releases]}


def build_to_wire(build_id: int, *, status: str, milliseconds: int = 0) -> dict[str, Any]:
    """The answer to the start and the end of a build that the client does itself."""
    return {"id": build_id, "status": status, "wallclock_time_ms": milliseconds}
