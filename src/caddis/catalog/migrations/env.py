"""Run by Alembic: carries the migrations out on the connection, and in the transaction, that `Catalog.open` began."""

from __future__ import annotations

from alembic import context

from caddis.catalog.schema import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
context.run_migrations()
