"""Secrets of apps: sealed values, and the version that goes up with every change."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import sqlalchemy as sa

from caddis.catalog.schema import app_secrets, apps
from caddis.catalog.vault import Vault
from caddis.domain.secret import Secret, check_total


def get_version(connection: sa.Connection, app_id: int) -> int:
    """How often the app's secrets have changed."""
    return int(connection.execute(sa.select(apps.c.secrets_version).where(apps.c.id == app_id)).scalar_one())


def list_secrets(connection: sa.Connection, app_id: int) -> tuple[list[Secret], int]:
    """All of an app by name, without their values, and the app's version."""
    rows = connection.execute(
        sa.select(app_secrets).where(app_secrets.c.app_id == app_id).order_by(app_secrets.c.name)
    ).all()
    found = [
        Secret(
            name=row.name,
            digest=row.digest,
            version=row.version,
            created_at=row.created_at,
            updated_at=row.updated_at,
        )
        for row in rows
    ]
    return found, get_version(connection, app_id)


def open_values(connection: sa.Connection, vault: Vault, app_id: int) -> tuple[dict[str, str], int]:
    """Every value in the clear, and the app's version, both of one instant."""
    rows = connection.execute(
        sa.select(app_secrets.c.name, app_secrets.c.sealed)
        .where(app_secrets.c.app_id == app_id)
        .order_by(app_secrets.c.name)
    ).all()
    values = {}
    if rows:
        key = vault.get(connection)
        values = {row.name: key.open(app_id, row.name, row.sealed) for row in rows}
    return values, get_version(connection, app_id)


def change_secrets(
    connection: sa.Connection, vault: Vault, app_id: int, values: Mapping[str, str | None], *, now: datetime
) -> int:
    """Set, and with None unset; the app's version then. What has the same value already stays as it is.

    Invalid when all of them together would be too much for a machine's environment.
    """
    before = {
        row.name: row
        for row in connection.execute(
            sa.select(app_secrets.c.name, app_secrets.c.digest, app_secrets.c.size).where(
                app_secrets.c.app_id == app_id
            )
        )
    }
    gone = [name for name, value in values.items() if value is None and name in before]
    given = {name: value for name, value in values.items() if value is not None}
    sizes = {name: row.size for name, row in before.items() if name not in gone}
    check_total({**sizes, **{name: _size(name, value) for name, value in given.items()}}.values())
    key = vault.ensure(connection) if given else None
    version = get_version(connection, app_id) + 1
    changed = bool(gone)
    connection.execute(sa.delete(app_secrets).where(app_secrets.c.app_id == app_id, app_secrets.c.name.in_(gone)))
    for name, value in given.items():
        assert key is not None
        digest = key.digest(app_id, name, value)
        if name in before and before[name].digest == digest:
            continue
        changed = True
        new = {"sealed": key.seal(app_id, name, value), "digest": digest, "version": version, "updated_at": now}
        new["size"] = _size(name, value)
        if name in before:
            here = (app_secrets.c.app_id == app_id) & (app_secrets.c.name == name)
            connection.execute(sa.update(app_secrets).where(here).values(new))
        else:
            connection.execute(sa.insert(app_secrets).values(app_id=app_id, name=name, created_at=now, **new))
    if not changed:
        return version - 1
    connection.execute(sa.update(apps).where(apps.c.id == app_id).values(secrets_version=version))
    return version


def _size(name: str, value: str) -> int:
    return len(name) + len(value.encode()) + 2  # "=" and the NUL behind it
