"""One SQLite file with one writer thread.

Promise P3 rests here: `write` returns when its transaction is on disk (WAL, synchronous=FULL). Work that arrives while
a commit is under way shares the next one, so a hundred waiting writers cost a few fsyncs, not a hundred.
"""

from __future__ import annotations

import queue
import sqlite3
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")
_Work = tuple[Callable[[sqlite3.Connection], Any], "Future[Any]"]


class Database:
    """`migrations` are SQL scripts, applied once each, in order; the file remembers how many it has had."""

    def __init__(self, path: Path, migrations: Sequence[str]) -> None:
        self._path = path
        self._queue: queue.SimpleQueue[_Work | None] = queue.SimpleQueue()
        self._readers = threading.local()
        self._all_readers: list[sqlite3.Connection] = []
        self._lock = threading.Lock()
        ready: Future[None] = Future()
        self._thread = threading.Thread(target=self._serve, args=(migrations, ready), name="book", daemon=True)
        self._thread.start()
        ready.result()

    def write(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run `work` in a transaction on the writer thread; return its result once that is on disk.

        What `work` raises is raised here, and none of its changes remain.
        """
        if threading.current_thread() is self._thread:
            raise RuntimeError("a transaction cannot begin another one")
        done: Future[T] = Future()
        self._queue.put((work, done))
        return done.result()

    def read(self, sql: str, values: Sequence[Any] | dict[str, Any] = ()) -> list[sqlite3.Row]:
        """All rows of a query, as of now, from the calling thread's own connection."""
        reader: sqlite3.Connection | None = getattr(self._readers, "connection", None)
        if reader is None:
            reader = self._connect()
            reader.execute("PRAGMA query_only=1")
            self._readers.connection = reader
            with self._lock:
                self._all_readers.append(reader)
        return reader.execute(sql, values).fetchall()

    def close(self) -> None:
        """Finish what is queued, then close the file."""
        self._queue.put(None)
        self._thread.join()
        with self._lock:
            for reader in self._all_readers:
                reader.close()
            self._all_readers.clear()

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self._path, isolation_level=None, check_same_thread=False, timeout=30)
        connection.row_factory = sqlite3.Row
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("PRAGMA foreign_keys=ON")
        connection.execute("PRAGMA secure_delete=ON")  # an erased key must not linger in free pages
        return connection

    def _serve(self, migrations: Sequence[str], ready: Future[None]) -> None:
        try:
            writer = self._connect()
            migrate(writer, migrations)
        except BaseException as problem:  # noqa: BLE001  the top of a thread: the caller gets it
            ready.set_exception(problem)
            return
        ready.set_result(None)
        while (first := self._queue.get()) is not None:
            batch, last = self._drain(first)
            self._commit(writer, batch)
            if last:
                break
        writer.close()

    def _drain(self, first: _Work) -> tuple[list[_Work], bool]:
        batch = [first]
        while True:
            try:
                following = self._queue.get_nowait()
            except queue.Empty:
                return batch, False
            if following is None:
                return batch, True
            batch.append(following)

    @staticmethod
    def _commit(writer: sqlite3.Connection, batch: list[_Work]) -> None:
        results: list[tuple[Future[Any], Any]] = []
        try:
            writer.execute("BEGIN IMMEDIATE")
            for work, done in batch:
                writer.execute("SAVEPOINT work")
                try:
                    results.append((done, work(writer)))
                except BaseException as problem:  # noqa: BLE001  belongs to whoever asked, not to the others
                    writer.execute("ROLLBACK TO work")
                    done.set_exception(problem)
                writer.execute("RELEASE work")
            writer.execute("COMMIT")
        except BaseException as problem:  # noqa: BLE001  the disk refused: nobody of this batch was served
            if writer.in_transaction:
                writer.execute("ROLLBACK")
            for _, done in batch:
                if not done.done():
                    done.set_exception(problem)
            return
        for done, result in results:
            done.set_result(result)


def migrate(connection: sqlite3.Connection, migrations: Sequence[str]) -> None:
    """Apply the scripts that this file has not had yet."""
    had: int = connection.execute("PRAGMA user_version").fetchone()[0]
    for number, script in enumerate(migrations[had:], start=had + 1):
        connection.executescript(f"BEGIN IMMEDIATE; {script}; PRAGMA user_version={number}; COMMIT;")
