"""Reports: what hosts tell of their machines and volumes, taken into the index in order and each once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from caddis.catalog.schema import hosts, machines, volumes


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """One change. Without `body` the thing is gone. `sequence` counts up within its host, from 1."""

    sequence: int
    kind: str  # machine or volume
    id: str
    app: str
    body: str | None  # the host's JSON, kept as it is
    name: str = ""
    region: str = ""
    zone: str = ""
    state: str = ""
    attached_machine_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HostCard:
    """What a host tells of itself with every batch; `capacity` is JSON."""

    id: str
    region: str
    zone: str
    address: str
    capacity: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """How far the index is. `tell_everything`: it cannot go on from here and needs all that the host has."""

    acknowledged: int
    tell_everything: bool = False


def accept_reports(
    connection: sa.Connection, card: HostCard, reports: Sequence[Report], *, complete: bool, now: datetime
) -> Accepted:
    """Take what is new of a batch. Told twice, it is taken once.

    A `complete` batch tells of everything the host has, and replaces what the index had of it. It is asked for when the
    index has nothing of a host that began to report long ago: the catalog was lost (promise P11).
    """
    # On PostgreSQL two batches of one host wait for each other on its row; SQLite has one writer anyway.
    acknowledged = int(
        connection.execute(sa.select(hosts.c.acknowledged).where(hosts.c.id == card.id).with_for_update()).scalar_one()
    )
    if complete:
        for table in (machines, volumes):
            connection.execute(sa.delete(table).where(table.c.host == card.id))
        acknowledged = 0
    ordered = sorted(reports, key=lambda report: report.sequence)
    lost = not complete and acknowledged == 0 and bool(ordered) and ordered[0].sequence > 1
    if not lost:
        for report in ordered:
            if report.sequence > acknowledged:
                _take(connection, card, report)
                acknowledged = report.sequence
    connection.execute(
        sa.update(hosts)
        .where(hosts.c.id == card.id)
        .values(
            region=card.region,
            zone=card.zone,
            address=card.address,
            capacity=card.capacity,
            last_seen=now,
            acknowledged=acknowledged,
        )
    )
    return Accepted(acknowledged=acknowledged, tell_everything=lost)


def _take(connection: sa.Connection, card: HostCard, report: Report) -> None:
    table = volumes if report.kind == "volume" else machines
    if report.body is None:
        connection.execute(sa.delete(table).where(table.c.id == report.id))
        return
    values = {
        "app": report.app,
        "host": card.id,
        "region": report.region,
        "zone": report.zone,
        "name": report.name,
        "state": report.state,
        "body": report.body,
        "sequence": report.sequence,
    }
    if report.kind == "volume":
        values["attached_machine_id"] = report.attached_machine_id
    changed = connection.execute(sa.update(table).where(table.c.id == report.id).values(**values)).rowcount
    if not changed:
        connection.execute(sa.insert(table).values(id=report.id, **values))
