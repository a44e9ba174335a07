"""The tables, once, for SQLite and PostgreSQL. Migrations bring a file here (migrations/versions)."""

from __future__ import annotations

from datetime import UTC, datetime

import sqlalchemy as sa

REVISION = "0004"  # the newest migration; `Catalog.open` compares it with what the file says

metadata = sa.MetaData()


class UtcDateTime(sa.types.TypeDecorator[datetime]):
    """An instant. SQLite has no time zones: there the text is UTC, and comes back as such."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        """Refuses naive times: nobody could say later what they meant."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"{value!r} has no time zone")
        in_utc = value.astimezone(UTC)
        return in_utc.replace(tzinfo=None) if dialect.name == "sqlite" else in_utc

    def process_result_value(self, value: datetime | None, _dialect: sa.Dialect) -> datetime | None:
        """Always with a time zone."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value


organizations = sa.Table(
    "organizations",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("slug", sa.Text, nullable=False, unique=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("created_at", UtcDateTime, nullable=False),
)

apps = sa.Table(
    "apps",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("name", sa.Text, nullable=False, unique=True),
    sa.Column("organization_id", sa.ForeignKey("organizations.id"), nullable=False, index=True),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("network", sa.Text, nullable=False),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("secrets_version", sa.BigInteger, nullable=False, server_default="0"),  # every change adds one
)

tokens = sa.Table(
    "tokens",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("hash", sa.Text, nullable=False, unique=True),  # SHA-256 in hex; see tokens.py
    sa.Column("organization_id", sa.ForeignKey("organizations.id"), nullable=False),
    sa.Column("app_id", sa.ForeignKey("apps.id", ondelete="CASCADE"), index=True),  # none: the whole organization
    sa.Column("read_only", sa.Boolean, nullable=False),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("expires_at", UtcDateTime),
    sa.Column("revoked_at", UtcDateTime),
    sa.Column("created_by", sa.Text, nullable=False, server_default=""),  # the name of a token; "": caddis up
)

catalog_key = sa.Table(
    "catalog_key",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),  # 1: there is one row
    sa.Column("check_value", sa.Text, nullable=False),  # which key sealed what follows; see vault.py
)

app_secrets = sa.Table(
    "app_secrets",
    metadata,
    sa.Column("app_id", sa.ForeignKey("apps.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("sealed", sa.LargeBinary, nullable=False),
    sa.Column("digest", sa.Text, nullable=False),
    sa.Column("size", sa.Integer, nullable=False),  # bytes in an environment
    sa.Column("version", sa.BigInteger, nullable=False),  # the app's, when the value last changed
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("updated_at", UtcDateTime, nullable=False),
)

releases = sa.Table(
    "releases",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("app_id", sa.ForeignKey("apps.id", ondelete="CASCADE"), nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("strategy", sa.Text, nullable=False),
    sa.Column("image", sa.Text, nullable=False),
    sa.Column("definition", sa.Text, nullable=False),  # fly.toml as JSON, unchanged
    sa.Column("user", sa.Text, nullable=False),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("description", sa.Text, nullable=False, server_default=""),
    sa.Column("metadata", sa.Text, nullable=False, server_default="{}"),  # JSON, the client's
    sa.UniqueConstraint("app_id", "version"),
)

hosts = sa.Table(
    "hosts",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("token_hash", sa.Text, nullable=False),
    sa.Column("region", sa.Text, nullable=False),
    sa.Column("zone", sa.Text, nullable=False),
    sa.Column("address", sa.Text, nullable=False),
    sa.Column("capacity", sa.Text, nullable=False),  # JSON, as GET /capacity of its agent
    sa.Column("last_seen", UtcDateTime),  # none: it has a token and never reported
    sa.Column("book", sa.Text, nullable=False),  # which book its reports are numbered in; "" if it does not say
    sa.Column("acknowledged", sa.BigInteger, nullable=False),  # the last report taken into the index
)

machines = sa.Table(
    "machines",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column(
        "app", sa.Text, nullable=False
    ),  # a name and no foreign key: hosts report machines of apps long destroyed
    sa.Column("host", sa.ForeignKey("hosts.id", ondelete="CASCADE"), nullable=False, index=True),
    sa.Column("region", sa.Text, nullable=False),
    sa.Column("zone", sa.Text, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("body", sa.Text, nullable=False),  # JSON, as the host told it
    sa.Column("sequence", sa.BigInteger, nullable=False),
    sa.Index("machines_of_app", "app", "id"),
)

volumes = sa.Table(
    "volumes",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("app", sa.Text, nullable=False),
    sa.Column("host", sa.ForeignKey("hosts.id", ondelete="CASCADE"), nullable=False, index=True),
    sa.Column("region", sa.Text, nullable=False),
    sa.Column("zone", sa.Text, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("attached_machine_id", sa.Text),
    sa.Column("body", sa.Text, nullable=False),
    sa.Column("sequence", sa.BigInteger, nullable=False),
    sa.Index("volumes_of_app", "app", "id"),
)

snapshots = sa.Table(
    "snapshots",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("app", sa.Text, nullable=False),
    sa.Column("host", sa.ForeignKey("hosts.id", ondelete="CASCADE"), nullable=False, index=True),
    sa.Column("region", sa.Text, nullable=False),
    sa.Column("zone", sa.Text, nullable=False),
    sa.Column("name", sa.Text, nullable=False),  # the volume's
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("volume", sa.Text, nullable=False),  # an id and no foreign key: snapshots outlive their volume
    sa.Column("body", sa.Text, nullable=False),
    sa.Column("sequence", sa.BigInteger, nullable=False),
    sa.Index("snapshots_of_volume", "volume", "id"),
)
