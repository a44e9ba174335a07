"""Tokens: who may do what. A token is 256 random bits; the catalog keeps its hash, so a stolen catalog opens nothing.

A plain SHA-256 is enough: what is hashed has 256 bits of entropy, so there is nothing to guess that a slow hash would
protect.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from caddis.catalog.schema import apps, organizations, tokens
from caddis.domain.app import Organization

# Clients read tokens that start with fm1r_, fm1a_ or fm2_ as macaroons and drop them (facts: flyctl-calls 1.3).
USER_PREFIX = "cds1_"
HOST_PREFIX = "cdh1_"
TOKEN_BYTES = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Whoever holds a token. Without `app` it reaches all of its organization."""

    token_id: int
    name: str
    organization: Organization
    app: str | None
    read_only: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """What a token is for, and who made it. Without `app_id`: all of the organization."""

    name: str
    organization_id: int
    app_id: int | None = None
    read_only: bool = False
    created_by: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """What may be told of one; of the token itself the catalog has only a hash."""

    id: int
    name: str
    app: str | None
    read_only: bool
    created_by: str
    created_at: datetime
    expires_at: datetime | None


def make_token(prefix: str, entropy: bytes) -> str:
    """The token's text, from `TOKEN_BYTES` random bytes."""
    if len(entropy) != TOKEN_BYTES:
        raise ValueError(f"a token takes {TOKEN_BYTES} random bytes")
    return prefix + base64.urlsafe_b64encode(entropy).decode().rstrip("=")


def hash_token(token: str) -> str:
    """What is kept of a token."""
    return hashlib.sha256(token.encode()).hexdigest()


def is_same_hash(one: str, other: str) -> bool:
    """Compared in constant time."""
    return hmac.compare_digest(one.encode(), other.encode())


def create_token(
    connection: sa.Connection, token: str, reach: Reach, *, now: datetime, expires_at: datetime | None = None
) -> int:
    """Keep the hash of `token`; the number it is known by."""
    created = connection.execute(
        sa.insert(tokens)
        .values(
            name=reach.name,
            hash=hash_token(token),
            organization_id=reach.organization_id,
            app_id=reach.app_id,
            read_only=reach.read_only,
            created_by=reach.created_by,
            created_at=now,
            expires_at=expires_at,
        )
        .returning(tokens.c.id)
    )
    return int(created.scalar_one())


def find_caller(connection: sa.Connection, token: str, now: datetime) -> Caller | None:
    """Who holds this token, unless it is unknown, expired or revoked.

    One look-up by the unique index on the hash. What an attacker could time is where the hashes of two tokens begin to
    differ, and he can choose neither; the whole hash is then compared in constant time.
    """
    wanted = hash_token(token)
    row = connection.execute(
        sa.select(
            tokens,
            organizations.c.slug,
            organizations.c.name.label("organization_name"),
            apps.c.name.label("app_name"),
        )
        .join(organizations, organizations.c.id == tokens.c.organization_id)
        .join(apps, apps.c.id == tokens.c.app_id, isouter=True)
        .where(tokens.c.hash == wanted)
    ).one_or_none()
    if row is None or not is_same_hash(row.hash, wanted):
        return None
    if row.revoked_at is not None or (row.expires_at is not None and row.expires_at <= now):
        return None
    return Caller(
        token_id=row.id,
        name=row.name,
        organization=Organization(id=row.organization_id, slug=row.slug, name=row.organization_name),
        app=row.app_name,
        read_only=row.read_only,
    )


def revoke_tokens(connection: sa.Connection, name: str, *, now: datetime) -> int:
    """End every token of that name; how many there were."""
    return connection.execute(
        sa.update(tokens).where(tokens.c.name == name, tokens.c.revoked_at.is_(None)).values(revoked_at=now)
    ).rowcount


def list_tokens(connection: sa.Connection, organization_id: int, app_id: int | None) -> list[Token]:
    """Those of an app, or without one those for the whole organization; oldest first. Revoked ones are gone."""
    rows = connection.execute(
        sa.select(tokens, apps.c.name.label("app_name"))
        .join(apps, apps.c.id == tokens.c.app_id, isouter=True)
        .where(tokens.c.organization_id == organization_id, tokens.c.revoked_at.is_(None))
        .where(tokens.c.app_id.is_(None) if app_id is None else tokens.c.app_id == app_id)
        .order_by(tokens.c.id)
    )
    return [
        Token(
            id=row.id,
            name=row.name,
            app=row.app_name,
            read_only=row.read_only,
            created_by=row.created_by,
            created_at=row.created_at,
            expires_at=row.expires_at,
        )
        for row in rows
    ]


def revoke_token(connection: sa.Connection, organization_id: int, token_id: int, *, now: datetime) -> bool:
    """End one of the organization's; False when it has none of that number. One that has ended already stays so."""
    mine = (tokens.c.id == token_id) & (tokens.c.organization_id == organization_id)
    if connection.execute(sa.select(tokens.c.id).where(mine)).first() is None:
        return False
    connection.execute(sa.update(tokens).where(mine, tokens.c.revoked_at.is_(None)).values(revoked_at=now))
    return True
