"""Hosts: the computers of this installation, as they last reported themselves."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
import sqlalchemy as sa

from caddis.catalog.schema import hosts
from caddis.catalog.tokens import hash_token, is_same_hash
from caddis.domain.host import Capacity, Host

_NEVER = datetime.fromtimestamp(0, UTC)


def ensure_host_token(connection: sa.Connection, host_id: str, token: str) -> None:
    """From now on `host_id` reports with `token`, and with no other. Until it first reports it has only a name."""
    hashed = hash_token(token)
    changed = connection.execute(sa.update(hosts).where(hosts.c.id == host_id).values(token_hash=hashed)).rowcount
    if not changed:
        connection.execute(
            sa.insert(hosts).values(
                id=host_id, token_hash=hashed, region="", zone="", address="", capacity="{}", book="", acknowledged=0
            )
        )


def is_host_token(connection: sa.Connection, host_id: str, token: str) -> bool:
    """Whether this is the token of that host."""
    kept = connection.execute(sa.select(hosts.c.token_hash).where(hosts.c.id == host_id)).scalar()
    return is_same_hash(kept or "", hash_token(token))


def find_token_host(connection: sa.Connection, token: str) -> str | None:
    """The host whose token this is. There are few hosts: each hash is compared, in constant time."""
    hashed = hash_token(token)
    rows = connection.execute(sa.select(hosts.c.id, hosts.c.token_hash)).all()
    return next((str(row.id) for row in rows if is_same_hash(row.token_hash, hashed)), None)


def _to_host(row: sa.Row[Any]) -> Host:
    return Host(
        id=row.id,
        region=row.region,
        zone=row.zone,
        address=row.address,
        capacity=msgspec.json.decode(row.capacity, type=Capacity),
        last_seen=row.last_seen or _NEVER,
    )


def list_hosts(connection: sa.Connection) -> list[Host]:
    """Every host that has reported at least once, by id."""
    rows = connection.execute(sa.select(hosts).where(hosts.c.last_seen.is_not(None)).order_by(hosts.c.id))
    return [_to_host(row) for row in rows]


def find_host(connection: sa.Connection, host_id: str) -> Host | None:
    """By its id, if it has reported at least once."""
    row = connection.execute(
        sa.select(hosts).where(hosts.c.id == host_id, hosts.c.last_seen.is_not(None))
    ).one_or_none()
    return None if row is None else _to_host(row)


def find_acknowledged(connection: sa.Connection, host_id: str) -> int:
    """The number of the last report of that host that the index has; 0 for none."""
    return int(connection.execute(sa.select(hosts.c.acknowledged).where(hosts.c.id == host_id)).scalar() or 0)
