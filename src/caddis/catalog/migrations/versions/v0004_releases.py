"""What a release is called, and what its client wrote down with it. Older programs go on writing without them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Two columns with defaults."""
    op.add_column("releases", sa.Column("description", sa.Text, nullable=False, server_default=""))
    op.add_column("releases", sa.Column("metadata", sa.Text, nullable=False, server_default="{}"))
