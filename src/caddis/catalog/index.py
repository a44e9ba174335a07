"""The index of machines, volumes and snapshots: where each is, and the last that its host told of it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from caddis.catalog.schema import apps, hosts, machines, snapshots, volumes

DESTROYED = "destroyed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Indexed:
    """One machine, volume or snapshot. `body` is its host's JSON; `host_seen` says how old it may be."""

    id: str
    app: str
    host: str
    host_seen: datetime
    region: str
    zone: str
    name: str
    state: str
    body: str
    attached_machine_id: str | None = None  # of volumes
    volume: str = ""  # of snapshots


def _selection(table: sa.Table) -> sa.Select[Any]:
    return sa.select(table, hosts.c.last_seen.label("host_seen")).join(hosts, hosts.c.id == table.c.host)


def _to_indexed(row: sa.Row[Any]) -> Indexed:
    return Indexed(
        id=row.id,
        app=row.app,
        host=row.host,
        host_seen=row.host_seen,
        region=row.region,
        zone=row.zone,
        name=row.name,
        state=row.state,
        body=row.body,
        attached_machine_id=getattr(row, "attached_machine_id", None),
        volume=getattr(row, "volume", ""),
    )


def find_machine(connection: sa.Connection, machine_id: str) -> Indexed | None:
    """By its id (primary key), whatever its app."""
    row = connection.execute(_selection(machines).where(machines.c.id == machine_id)).one_or_none()
    return None if row is None else _to_indexed(row)


def find_volume(connection: sa.Connection, volume_id: str) -> Indexed | None:
    """By its id (primary key), whatever its app."""
    row = connection.execute(_selection(volumes).where(volumes.c.id == volume_id)).one_or_none()
    return None if row is None else _to_indexed(row)


def find_snapshot(connection: sa.Connection, snapshot_id: str) -> Indexed | None:
    """By its id (primary key), whatever its app."""
    row = connection.execute(_selection(snapshots).where(snapshots.c.id == snapshot_id)).one_or_none()
    return None if row is None else _to_indexed(row)


def list_snapshots(connection: sa.Connection, volume_id: str) -> list[Indexed]:
    """Of a volume, by id (index snapshots_of_volume); the volume may be gone."""
    wanted = _selection(snapshots).where(snapshots.c.volume == volume_id).order_by(snapshots.c.id)
    return [_to_indexed(row) for row in connection.execute(wanted)]


def list_machines(connection: sa.Connection, app: str, *, include_destroyed: bool = False) -> list[Indexed]:
    """Of an app, by id (index machines_of_app)."""
    wanted = _selection(machines).where(machines.c.app == app).order_by(machines.c.id)
    if not include_destroyed:
        wanted = wanted.where(machines.c.state != DESTROYED)
    return [_to_indexed(row) for row in connection.execute(wanted)]


def list_volumes(connection: sa.Connection, app: str) -> list[Indexed]:
    """Of an app, by id (index volumes_of_app), with those that can still be brought back and without what is gone."""
    wanted = _selection(volumes).where(volumes.c.app == app, volumes.c.state != DESTROYED).order_by(volumes.c.id)
    return [_to_indexed(row) for row in connection.execute(wanted)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """At most `limit` things whose ids follow `after`; empty fields ask for nothing."""

    limit: int
    after: str = ""
    states: Collection[str] = ()
    region: str = ""
    include_destroyed: bool = False


def list_organization(connection: sa.Connection, kind: str, organization_id: int, page: Page) -> list[Indexed]:
    """Machines or volumes (`kind` "machine" or "volume") of all apps of an organization, by id."""
    table = machines if kind == "machine" else volumes
    wanted = (
        _selection(table)
        .join(apps, apps.c.name == table.c.app)
        .where(apps.c.organization_id == organization_id, table.c.id > page.after)
        .order_by(table.c.id)
        .limit(page.limit)
    )
    if page.states:
        wanted = wanted.where(table.c.state.in_(sorted(page.states)))
    elif not page.include_destroyed:
        wanted = wanted.where(table.c.state != DESTROYED)
    if page.region:
        wanted = wanted.where(table.c.region == page.region)
    return [_to_indexed(row) for row in connection.execute(wanted)]


def list_hosts_of_app(connection: sa.Connection, app: str) -> list[str]:
    """Ids of the hosts that have, or had, machines of an app."""
    rows = connection.execute(sa.select(machines.c.host).where(machines.c.app == app).distinct())
    return sorted(row.host for row in rows)
