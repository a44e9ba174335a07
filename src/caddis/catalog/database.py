"""Opening the catalog, and its two transactions: `read` and `write`."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import Any, Concatenate, ParamSpec, TypeVar

import sqlalchemy as sa

from caddis.catalog.schema import REVISION

P = ParamSpec("P")
T = TypeVar("T")

AT_ONCE = 8  # connections; whoever asks from many threads allows no more of them
_BUSY_SECONDS = 10.0  # how long a writer waits for another one before it gives up


class Catalog:
    """One database. `read` and `write` may be called from any thread."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine
        self._writing = engine.execution_options(caddis_writes=True)

    @classmethod
    def open(cls, url: str) -> Catalog:
        """The catalog behind an SQLAlchemy URL, such as sqlite:////var/lib/caddis/catalog.sqlite, migrated."""
        engine = sa.create_engine(url, connect_args=_connect_arguments(url), pool_size=AT_ONCE, max_overflow=0)
        if engine.dialect.name == "sqlite":
            _prepare_sqlite(engine)
        # Alembic takes 100 ms to import, so it is asked only when the file is not what we want.
        if _find_revision(engine) != REVISION:
            _migrate(engine)
        return cls(engine)

    def read(self, work: Callable[Concatenate[sa.Connection, P], T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """What `work` finds, all of it seen at one instant."""
        with self._engine.begin() as connection:
            return work(connection, *args, **kwargs)

    def write(self, work: Callable[Concatenate[sa.Connection, P], T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Run `work` in a transaction; when this returns, its changes are on disk (promise P3)."""
        with self._writing.begin() as connection:
            return work(connection, *args, **kwargs)

    def close(self) -> None:
        """Give every connection back."""
        self._engine.dispose()


def _connect_arguments(url: str) -> dict[str, Any]:
    return {"timeout": _BUSY_SECONDS} if sa.make_url(url).get_backend_name() == "sqlite" else {}


def _prepare_sqlite(engine: sa.Engine) -> None:
    @sa.event.listens_for(engine, "connect")
    def _on_connect(connection: sqlite3.Connection, _record: object) -> None:
        # None: Python's module begins no transactions of its own accord, we do (below).
        connection.isolation_level = None
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("PRAGMA foreign_keys=ON")

    @sa.event.listens_for(engine, "begin")
    def _on_begin(connection: sa.Connection) -> None:
        # IMMEDIATE for writers: a reader that turns writer halfway is refused by SQLite without waiting.
        writes = connection.get_execution_options().get("caddis_writes")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _find_revision(engine: sa.Engine) -> str | None:
    with engine.begin() as connection:
        if not sa.inspect(connection).has_table("alembic_version"):
            return None
        found = connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar()
        return None if found is None else str(found)


def _migrate(engine: sa.Engine) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", "caddis.catalog:migrations")
    config.set_main_option("path_separator", "os")
    with engine.execution_options(caddis_writes=True).begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
