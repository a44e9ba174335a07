"""Organizations: who owns apps."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa

from caddis.catalog.schema import organizations
from caddis.domain.app import Organization
from caddis.domain.errors import NotFound


def ensure_organization(connection: sa.Connection, slug: str, name: str, *, now: datetime) -> Organization:
    """The organization of that slug, made if it is not there."""
    found = find_organization(connection, slug)
    if found is not None:
        return found
    made = connection.execute(
        sa.insert(organizations).values(slug=slug, name=name, created_at=now).returning(organizations.c.id)
    )
    return Organization(id=made.scalar_one(), slug=slug, name=name)


def find_organization(connection: sa.Connection, slug: str) -> Organization | None:
    """By its slug (unique index)."""
    row = connection.execute(sa.select(organizations).where(organizations.c.slug == slug)).one_or_none()
    return None if row is None else Organization(id=row.id, slug=row.slug, name=row.name)


def get_organization(connection: sa.Connection, slug: str) -> Organization:
    """By its slug; NotFound without one."""
    found = find_organization(connection, slug)
    if found is None:
        raise NotFound(f"organization {slug!r} not found", hint="fly orgs list")
    return found


def list_organizations(connection: sa.Connection) -> list[Organization]:
    """All of them, oldest first."""
    rows = connection.execute(sa.select(organizations).order_by(organizations.c.id))
    return [Organization(id=row.id, slug=row.slug, name=row.name) for row in rows]
