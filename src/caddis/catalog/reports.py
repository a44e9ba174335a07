"""Reports: what hosts tell of their machines, volumes and snapshots, taken into the index in order and each once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from caddis.catalog.schema import hosts, machines, snapshots, volumes

TABLES = {"machine": machines, "volume": volumes, "snapshot": snapshots}


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """One change. Without `body` the thing is gone. `sequence` counts up within its host, from 1."""

    sequence: int
    kind: str  # a key of TABLES
    id: str
    app: str
    body: str | None  # the host's JSON, kept as it is
    name: str = ""
    region: str = ""
    zone: str = ""
    state: str = ""
    attached_machine_id: str | None = None
    volume: str = ""  # whose snapshot it is


@dataclass(frozen=True, slots=True, kw_only=True)
class HostCard:
    """What a host tells of itself with every batch; `capacity` is JSON, `book` names what numbers its reports."""

    id: str
    region: str
    zone: str
    address: str
    capacity: str
    book: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """How far the index is. `tell_everything`: it knew nothing of this host, so it may lack what was told earlier."""

    acknowledged: int
    tell_everything: bool = False


def accept_reports(connection: sa.Connection, card: HostCard, reports: Sequence[Report], *, now: datetime) -> Accepted:
    """Take what is new of a batch. Told twice, it is taken once; sequences may have gaps, but only grow.

    A host with another book than before begins anew: what the index had of it is dropped. A catalog that was lost is
    filled again by hosts that tell everything (promise P11).
    """
    # On PostgreSQL two batches of one host wait for each other on its row; SQLite has one writer anyway.
    known = connection.execute(
        sa.select(hosts.c.acknowledged, hosts.c.book).where(hosts.c.id == card.id).with_for_update()
    ).one()
    acknowledged = known.acknowledged
    if known.book != card.book:
        for table in TABLES.values():
            connection.execute(sa.delete(table).where(table.c.host == card.id))
        acknowledged = 0
    knew_nothing = acknowledged == 0
    for report in sorted(reports, key=lambda report: report.sequence):
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
            book=card.book,
            last_seen=now,
            acknowledged=acknowledged,
        )
    )
    return Accepted(acknowledged=acknowledged, tell_everything=knew_nothing)


def _take(connection: sa.Connection, card: HostCard, report: Report) -> None:
    table = TABLES[report.kind]
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
    if report.kind == "snapshot":
        values["volume"] = report.volume
    changed = connection.execute(sa.update(table).where(table.c.id == report.id).values(**values)).rowcount
    if not changed:
        connection.execute(sa.insert(table).values(id=report.id, **values))
