"""Secrets of apps, and who made a token. An older program can go on beside it: what it does not write has a default."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Make the tables, and the version that apps count up."""
    op.add_column("apps", sa.Column("secrets_version", sa.BigInteger, nullable=False, server_default="0"))
    op.add_column("tokens", sa.Column("created_by", sa.Text, nullable=False, server_default=""))
    op.create_table(
        "catalog_key",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("check_value", sa.Text, nullable=False),
    )
    op.create_table(
        "app_secrets",
        sa.Column("app_id", sa.Integer, sa.ForeignKey("apps.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
        sa.Column("digest", sa.Text, nullable=False),
        sa.Column("size", sa.Integer, nullable=False),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
    )
