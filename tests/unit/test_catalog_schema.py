"""The schema and the way there."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
import sqlalchemy as sa

from caddis.catalog import organizations
from caddis.catalog.database import Catalog
from caddis.catalog.schema import REVISION, metadata


def test_the_migrations_lead_to_the_schema_that_the_code_uses(tmp_path: Path) -> None:
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    url = f"sqlite:///{tmp_path}/catalog.sqlite"
    Catalog.open(url).close()
    engine = sa.create_engine(url)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []
        assert context.get_current_revision() == REVISION
    engine.dispose()


def test_the_schema_can_be_made_on_postgresql_too() -> None:
    from sqlalchemy.dialects import postgresql

    for table in metadata.sorted_tables:
        assert str(sa.schema.CreateTable(table).compile(dialect=postgresql.dialect()))


def test_opening_a_second_time_changes_nothing(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/catalog.sqlite"
    Catalog.open(url).close()
    before = (tmp_path / "catalog.sqlite").read_bytes()
    Catalog.open(url).close()
    assert (tmp_path / "catalog.sqlite").read_bytes() == before


def test_every_connection_writes_durably_and_minds_foreign_keys(tmp_path: Path) -> None:
    catalog = Catalog.open(f"sqlite:///{tmp_path}/catalog.sqlite")

    def look(connection: sa.Connection) -> dict[str, object]:
        pragmas = ("journal_mode", "synchronous", "foreign_keys")
        return {name: connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in pragmas}

    assert catalog.read(look) == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}
    catalog.close()


def test_times_come_back_in_utc_and_naive_ones_are_refused(tmp_path: Path) -> None:
    from caddis.catalog.schema import organizations as table

    catalog = Catalog.open(f"sqlite:///{tmp_path}/catalog.sqlite")
    summer = datetime(2026, 7, 1, 12, tzinfo=timezone(timedelta(hours=2)))
    catalog.write(organizations.ensure_organization, "one", "One", now=summer)
    kept = catalog.read(lambda connection: connection.execute(sa.select(table.c.created_at)).scalar_one())
    assert kept == summer and kept.tzinfo is UTC
    with pytest.raises(sa.exc.StatementError):
        catalog.write(organizations.ensure_organization, "two", "Two", now=datetime(2026, 7, 1))
    catalog.close()


def test_a_failed_write_leaves_nothing(tmp_path: Path) -> None:
    catalog = Catalog.open(f"sqlite:///{tmp_path}/catalog.sqlite")

    def fail(connection: sa.Connection) -> None:
        organizations.ensure_organization(connection, "one", "One", now=datetime.now(UTC))
        raise RuntimeError("half way")

    with pytest.raises(RuntimeError):
        catalog.write(fail)
    assert catalog.read(organizations.list_organizations) == []
    catalog.close()
