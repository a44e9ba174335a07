"""Releases: the numbered deploys of an app."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import msgspec
import sqlalchemy as sa

from caddis.catalog.schema import apps, releases
from caddis.domain.app import App, AppStatus
from caddis.domain.errors import Conflict, Invalid, NotFound
from caddis.domain.release import Release

COMPLETE = "complete"
_UNDER_WAY = ("pending", "running")
STATUSES = ("pending", "running", COMPLETE, "failed", "interrupted")


@dataclass(frozen=True, slots=True, kw_only=True)
class NewRelease:
    """What is to be released; the version comes with keeping it."""

    id: str
    image: str
    definition: Mapping[str, Any]
    strategy: str
    user: str
    description: str = ""
    metadata: Mapping[str, Any] = field(default_factory=dict)


def create_release(connection: sa.Connection, app: App, new: NewRelease, *, now: datetime) -> Release:
    """The app's next release; Conflict while the app is suspended.

    Versions have no gaps: the number is taken in the transaction that keeps the release. What is still `running` by
    then belongs to a client that was killed, or to one that will say when it is complete.
    """
    # On PostgreSQL, two releases of one app wait for each other on the app's row; SQLite has one writer anyway.
    row = connection.execute(sa.select(apps.c.status).where(apps.c.id == app.id).with_for_update()).one_or_none()
    if row is not None and row.status == AppStatus.SUSPENDED:
        raise Conflict(f"app {app.name} is suspended", hint=f"fly apps resume {app.name}, then deploy again")
    connection.execute(
        sa.update(releases)
        .where(releases.c.app_id == app.id, releases.c.status.in_(_UNDER_WAY))
        .values(status="interrupted")
    )
    newest = connection.execute(
        sa.select(sa.func.coalesce(sa.func.max(releases.c.version), 0)).where(releases.c.app_id == app.id)
    ).scalar_one()
    release = Release(
        id=new.id,
        app=app.name,
        version=newest + 1,
        status="pending",
        strategy=new.strategy,
        image=new.image,
        definition=new.definition,
        user=new.user,
        created_at=now,
        description=new.description,
        metadata=new.metadata,
    )
    connection.execute(
        sa.insert(releases).values(
            id=release.id,
            app_id=app.id,
            version=release.version,
            status=release.status,
            strategy=release.strategy,
            image=release.image,
            definition=msgspec.json.encode(release.definition).decode(),
            user=release.user,
            created_at=now,
            description=release.description,
            metadata=msgspec.json.encode(release.metadata).decode(),
        )
    )
    return release


def _selection() -> sa.Select[Any]:
    return sa.select(releases, apps.c.name.label("app_name")).join(apps, apps.c.id == releases.c.app_id)


def _to_release(row: sa.Row[Any]) -> Release:
    return Release(
        id=row.id,
        app=row.app_name,
        version=row.version,
        status=row.status,
        strategy=row.strategy,
        image=row.image,
        definition=msgspec.json.decode(row.definition),
        user=row.user,
        created_at=row.created_at,
        description=row.description,
        metadata=msgspec.json.decode(row.metadata),
    )


def get_release(connection: sa.Connection, release_id: str) -> Release:
    """By its id; NotFound without one."""
    row = connection.execute(_selection().where(releases.c.id == release_id)).one_or_none()
    if row is None:
        raise NotFound(f"release not found: {release_id}")
    return _to_release(row)


def set_status(connection: sa.Connection, release_id: str, status: str) -> Release:
    """The release with its new status. The first one to complete makes its app `deployed`."""
    if status not in STATUSES:
        raise Invalid(f"release status {status!r} is not one of {', '.join(STATUSES)}", field="status")
    connection.execute(sa.update(releases).where(releases.c.id == release_id).values(status=status))
    release = get_release(connection, release_id)
    if status == COMPLETE:
        stays = apps.c.status == AppStatus.SUSPENDED  # until it is resumed
        connection.execute(sa.update(apps).where(apps.c.name == release.app, ~stays).values(status=AppStatus.DEPLOYED))
    return release


def add_metadata(connection: sa.Connection, release_id: str, notes: Mapping[str, Any]) -> None:
    """Keys that are there already are replaced as a whole."""
    release = get_release(connection, release_id)
    merged = msgspec.json.encode({**release.metadata, **notes}).decode()
    connection.execute(sa.update(releases).where(releases.c.id == release_id).values(metadata=merged))


def patch_release(
    connection: sa.Connection, release_id: str, status: str, *, notes: Mapping[str, Any] | None = None
) -> Release:
    """`set_status`, and more of its metadata, in one transaction."""
    if notes:
        add_metadata(connection, release_id, notes)
    return set_status(connection, release_id, status)


def list_images_to_keep(connection: sa.Connection, app_id: int, *, most: int) -> list[tuple[str, str]]:
    """Reference and digest ("" where unknown) of the newest `most` that completed: what can be rolled back to."""
    rows = connection.execute(
        sa.select(releases.c.image, releases.c.metadata)
        .where(releases.c.app_id == app_id, releases.c.status == COMPLETE)
        .order_by(releases.c.version.desc())
        .limit(most)
    )
    return [(row.image, str(msgspec.json.decode(row.metadata).get("image_digest") or "")) for row in rows]


def list_releases(connection: sa.Connection, app_id: int, *, limit: int) -> list[Release]:
    """The newest `limit` of an app, newest first (by the unique index on app and version, backwards)."""
    rows = connection.execute(
        _selection().where(releases.c.app_id == app_id).order_by(releases.c.version.desc()).limit(limit)
    )
    return [_to_release(row) for row in rows]


def find_current_release(connection: sa.Connection, app_id: int) -> Release | None:
    """The newest one that completed."""
    row = connection.execute(
        _selection()
        .where(releases.c.app_id == app_id, releases.c.status == COMPLETE)
        .order_by(releases.c.version.desc())
        .limit(1)
    ).one_or_none()
    return None if row is None else _to_release(row)
