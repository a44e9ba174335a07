"""Apps: names that are unique in an installation, each owned by an organization."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from caddis.catalog.schema import apps, machines, organizations, releases, snapshots, volumes
from caddis.domain.app import App, AppStatus, Organization
from caddis.domain.errors import NameTaken, NotFound
from caddis.domain.ids import missing_app_hint

_IS_THERE = apps.c.status != AppStatus.DESTROYED


@dataclass(frozen=True, slots=True, kw_only=True)
class CountedApp:
    """An app, and how many machines and volumes the index has of it that are not destroyed."""

    app: App
    machines: int
    volumes: int


def create_app(connection: sa.Connection, name: str, organization: Organization, *, network: str, now: datetime) -> App:
    """A new app, `pending` until its first release completes; NameTaken if the installation has one of that name.

    Of a destroyed app that left volumes or snapshots, the name is its organization's until they are gone: whoever has
    the name can bring them back.
    """
    taken = connection.execute(sa.select(apps).where(apps.c.name == name)).one_or_none()
    if taken is not None:
        if taken.status != AppStatus.DESTROYED:
            raise _name_taken(name)
        if taken.organization_id != organization.id and _leaves_something(connection, name):
            raise _name_taken(name)
        connection.execute(sa.delete(apps).where(apps.c.id == taken.id))
    try:
        made = connection.execute(
            sa.insert(apps)
            .values(
                name=name,
                organization_id=organization.id,
                status=AppStatus.PENDING,
                network=network,
                created_at=now,
            )
            .returning(apps.c.id)
        )
    except sa.exc.IntegrityError as problem:  # PostgreSQL lets two of us come this far at once
        raise _name_taken(name) from problem
    return App(
        id=made.scalar_one(),
        name=name,
        organization=organization,
        status=AppStatus.PENDING,
        created_at=now,
        network=network,
    )


def _leaves_something(connection: sa.Connection, name: str) -> bool:
    return any(
        connection.execute(
            sa.select(table.c.id).where(table.c.app == name, table.c.state != "destroyed").limit(1)
        ).one_or_none()
        for table in (volumes, snapshots)
    )


def _name_taken(name: str) -> NameTaken:
    return NameTaken(
        f"Validation failed: Name has already been taken ({name})", hint="choose another name", field="name"
    )


def _selection() -> sa.Select[Any]:
    return sa.select(apps, organizations.c.slug, organizations.c.name.label("organization_name")).join(
        organizations, organizations.c.id == apps.c.organization_id
    )


def _to_app(row: sa.Row[Any]) -> App:
    return App(
        id=row.id,
        name=row.name,
        organization=Organization(id=row.organization_id, slug=row.slug, name=row.organization_name),
        status=AppStatus(row.status),
        created_at=row.created_at,
        network=row.network,
    )


def find_app(connection: sa.Connection, name: str) -> App | None:
    """By its name (unique index)."""
    row = connection.execute(_selection().where(apps.c.name == name, _IS_THERE)).one_or_none()
    return None if row is None else _to_app(row)


def get_app(connection: sa.Connection, name: str) -> App:
    """By its name; NotFound without one."""
    found = find_app(connection, name)
    if found is None:
        raise NotFound(f"app not found: there is no app named {name!r}", hint=missing_app_hint(name))
    return found


def list_apps(connection: sa.Connection, organization_id: int) -> list[App]:
    """All of an organization, by name."""
    wanted = _selection().where(apps.c.organization_id == organization_id, _IS_THERE)
    rows = connection.execute(wanted.order_by(apps.c.name))
    return [_to_app(row) for row in rows]


def count_things(connection: sa.Connection, app: App) -> CountedApp:
    """The app with the number of its machines and volumes; both counted within the app's part of an index."""
    counts = {
        table.name: connection.execute(
            sa.select(sa.func.count()).where(table.c.app == app.name, table.c.state != "destroyed")
        ).scalar_one()
        for table in (machines, volumes)
    }
    return CountedApp(app=app, machines=counts["machines"], volumes=counts["volumes"])


def list_counted_apps(connection: sa.Connection, organization_id: int) -> list[CountedApp]:
    """As `list_apps`, counted."""
    return [count_things(connection, app) for app in list_apps(connection, organization_id)]


def set_status(connection: sa.Connection, app_id: int, status: AppStatus) -> None:
    """Keep the app's new status."""
    connection.execute(sa.update(apps).where(apps.c.id == app_id).values(status=status))


def end_suspension(connection: sa.Connection, app_id: int) -> AppStatus:
    """The app's status as its releases have it."""
    complete = sa.select(releases.c.id).where(releases.c.app_id == app_id, releases.c.status == "complete").limit(1)
    status = AppStatus.DEPLOYED if connection.execute(complete).one_or_none() else AppStatus.PENDING
    set_status(connection, app_id, status)
    return status


def delete_app(connection: sa.Connection, app: App, *, now: datetime) -> None:
    """Forget the app, its releases and the tokens that reach only it (by their foreign keys).

    While it leaves volumes or snapshots, a row keeps its name for its organization (`create_app`).
    """
    connection.execute(sa.delete(apps).where(apps.c.id == app.id))
    if _leaves_something(connection, app.name):
        connection.execute(
            sa.insert(apps).values(
                name=app.name,
                organization_id=app.organization.id,
                status=AppStatus.DESTROYED,
                network=app.network,
                created_at=now,
            )
        )
