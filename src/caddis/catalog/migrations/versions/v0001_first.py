"""The first schema.

Written out, not taken from schema.py: what a migration does must not change when the schema goes on.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make every table."""
    _make_owners()
    _make_releases()
    _make_hosts()
    _make_index()


def _instant(name: str, *, nullable: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def _text(name: str, *, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=nullable)


def _make_owners() -> None:
    op.create_table(
        "organizations",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("slug", sa.Text, nullable=False, unique=True),
        _text("name"),
        _instant("created_at"),
    )
    op.create_table(
        "apps",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("name", sa.Text, nullable=False, unique=True),
        sa.Column("organization_id", sa.Integer, sa.ForeignKey("organizations.id"), nullable=False),
        _text("status"),
        _text("network"),
        _instant("created_at"),
    )
    op.create_index("ix_apps_organization_id", "apps", ["organization_id"])
    op.create_table(
        "tokens",
        sa.Column("id", sa.Integer, primary_key=True),
        _text("name"),
        sa.Column("hash", sa.Text, nullable=False, unique=True),
        sa.Column("organization_id", sa.Integer, sa.ForeignKey("organizations.id"), nullable=False),
        sa.Column("app_id", sa.Integer, sa.ForeignKey("apps.id", ondelete="CASCADE")),
        sa.Column("read_only", sa.Boolean, nullable=False),
        _instant("created_at"),
        _instant("expires_at", nullable=True),
        _instant("revoked_at", nullable=True),
    )
    op.create_index("ix_tokens_app_id", "tokens", ["app_id"])


def _make_releases() -> None:
    op.create_table(
        "releases",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("app_id", sa.Integer, sa.ForeignKey("apps.id", ondelete="CASCADE"), nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        _text("status"),
        _text("strategy"),
        _text("image"),
        _text("definition"),
        _text("user"),
        _instant("created_at"),
        sa.UniqueConstraint("app_id", "version"),
    )


def _make_hosts() -> None:
    op.create_table(
        "hosts",
        sa.Column("id", sa.Text, primary_key=True),
        _text("token_hash"),
        _text("region"),
        _text("zone"),
        _text("address"),
        _text("capacity"),
        _instant("last_seen", nullable=True),
        _text("book"),
        sa.Column("acknowledged", sa.BigInteger, nullable=False),
    )


def _make_index() -> None:
    for table, extra in (("machines", []), ("volumes", [_text("attached_machine_id", nullable=True)])):
        op.create_table(
            table,
            sa.Column("id", sa.Text, primary_key=True),
            _text("app"),
            sa.Column("host", sa.Text, sa.ForeignKey("hosts.id", ondelete="CASCADE"), nullable=False),
            _text("region"),
            _text("zone"),
            _text("name"),
            _text("state"),
            *extra,
            _text("body"),
            sa.Column("sequence", sa.BigInteger, nullable=False),
        )
        op.create_index(f"ix_{table}_host", table, ["host"])
        op.create_index(f"{table}_of_app", table, ["app", "id"])
