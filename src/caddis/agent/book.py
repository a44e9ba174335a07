"""The host's book: its machines, volumes, leases and events, and what of them is still to be reported.

Rows hold the whole value as JSON beside the few columns that queries need. Every change of a machine or volume also
writes a line of the outbox in the same transaction, so that nothing that happened can go unreported (DESIGN 2).
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from caddis.domain.clock import SteadyClock
from caddis.domain.errors import NotFound
from caddis.domain.lease import Lease
from caddis.domain.machine import Event, Machine, MachineState
from caddis.domain.sizes import GIB
from caddis.domain.snapshot import Snapshot
from caddis.domain.volume import Volume
from caddis.journal.database import Database
from caddis.journal.journal import SCHEMA as JOURNAL_SCHEMA

T = TypeVar("T")
TOMBSTONE_PERIOD = timedelta(hours=48)  # a destroyed machine can be read for so long (facts: machines-api 4.6)

_SCHEMA = """
CREATE TABLE volume (
    id TEXT PRIMARY KEY, app TEXT NOT NULL, size_gb INTEGER NOT NULL, state TEXT NOT NULL, erase_at REAL,
    document TEXT NOT NULL
);
CREATE TABLE machine (
    id TEXT PRIMARY KEY, app TEXT NOT NULL, name TEXT NOT NULL, state TEXT NOT NULL, slot INTEGER UNIQUE,
    memory_mb INTEGER NOT NULL, scratch_gb INTEGER NOT NULL, destroyed_at REAL, document TEXT NOT NULL
);
CREATE UNIQUE INDEX machine_name ON machine (app, name) WHERE destroyed_at IS NULL;
CREATE TABLE version (
    machine TEXT NOT NULL REFERENCES machine (id) ON DELETE CASCADE, instance_id TEXT NOT NULL,
    raw_config TEXT NOT NULL, PRIMARY KEY (machine, instance_id)
);
CREATE TABLE event (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT, machine TEXT NOT NULL REFERENCES machine (id) ON DELETE CASCADE,
    document TEXT NOT NULL
);
CREATE INDEX event_machine ON event (machine, sequence);
CREATE TABLE lease (
    machine TEXT PRIMARY KEY REFERENCES machine (id) ON DELETE CASCADE, document TEXT NOT NULL
);
CREATE TABLE outbox (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, id TEXT NOT NULL, app TEXT NOT NULL,
    UNIQUE (kind, id)
);
CREATE TABLE identity (name TEXT NOT NULL);
INSERT INTO identity (name) VALUES (lower(hex(randomblob(8))));
"""
_SNAPSHOTS = """
CREATE TABLE snapshot (
    id TEXT PRIMARY KEY, volume TEXT NOT NULL, app TEXT NOT NULL, status TEXT NOT NULL, held_bytes INTEGER NOT NULL,
    kept_in TEXT NOT NULL, document TEXT NOT NULL
);
CREATE INDEX snapshot_volume ON snapshot (volume);
CREATE TABLE clock (document TEXT NOT NULL);
"""
_HOLDS = """
CREATE TABLE hold (id TEXT PRIMARY KEY, bytes INTEGER NOT NULL);
"""
MIGRATIONS = (JOURNAL_SCHEMA, _SCHEMA, _SNAPSHOTS, _HOLDS)
EVENTS_KEPT = 200  # a machine


@dataclass(frozen=True, slots=True)
class OutboxLine:
    """Something of which the API has to be told: kind is machine, volume or snapshot."""

    sequence: int
    kind: str
    id: str
    app: str


@dataclass(frozen=True, slots=True)
class Promised:
    """What this host has promised: bytes of its pool, MB of memory."""

    pool_bytes: int
    memory_mb: int


class Reader:
    """Questions to the book; the same inside a transaction and outside."""

    def __init__(self, query: Callable[[str, Sequence[Any]], list[sqlite3.Row]]) -> None:
        self._query = query

    def find_volume(self, id: str) -> Volume | None:
        """The volume of that id."""
        rows = self._query("SELECT document FROM volume WHERE id = ?", (id,))
        return msgspec.json.decode(rows[0]["document"], type=Volume) if rows else None

    def get_volume(self, id: str, app: str | None = None) -> Volume:
        """The volume of that id (and app); NotFound."""
        volume = self.find_volume(id)
        if volume is None or app not in (None, volume.app):
            raise NotFound(f"volume {id} not found")
        return volume

    def list_volumes(self, app: str | None = None) -> list[Volume]:
        """All volumes, or one app's, oldest first."""
        rows = self._query("SELECT document FROM volume WHERE ?1 IS NULL OR app = ?1 ORDER BY rowid", (app,))
        return [msgspec.json.decode(row["document"], type=Volume) for row in rows]

    def list_overdue_volumes(self, now: datetime) -> list[Volume]:
        """Destroyed volumes whose time for undo is over."""
        rows = self._query(
            "SELECT document FROM volume WHERE state = 'pending_destroy' AND erase_at <= ?", (now.timestamp(),)
        )
        return [msgspec.json.decode(row["document"], type=Volume) for row in rows]

    def find_snapshot(self, id: str) -> Snapshot | None:
        """The snapshot of that id."""
        rows = self._query("SELECT document FROM snapshot WHERE id = ?", (id,))
        return msgspec.json.decode(rows[0]["document"], type=Snapshot) if rows else None

    def list_snapshots(self, volume: str | None = None) -> list[Snapshot]:
        """All snapshots, or one volume's, oldest first."""
        rows = self._query("SELECT document FROM snapshot WHERE ?1 IS NULL OR volume = ?1 ORDER BY rowid", (volume,))
        return [msgspec.json.decode(row["document"], type=Snapshot) for row in rows]

    def find_last_kept(self, volume: str, store: str) -> Snapshot | None:
        """The newest snapshot of the volume that the store has."""
        rows = self._query(
            "SELECT document FROM snapshot WHERE volume = ? AND kept_in = ? AND kept_in <> ''"
            " ORDER BY rowid DESC LIMIT 1",
            (volume, store),
        )
        return msgspec.json.decode(rows[0]["document"], type=Snapshot) if rows else None

    def count_unkept(self, store: str) -> int:
        """How many snapshots the store does not have."""
        rows = self._query("SELECT count(*) FROM snapshot WHERE status = 'created' AND kept_in <> ?", (store,))
        return int(rows[0][0])

    def find_clock(self) -> SteadyClock | None:
        """The host's steady time when it was last looked at."""
        rows = self._query("SELECT document FROM clock", ())
        return msgspec.json.decode(rows[0]["document"], type=SteadyClock) if rows else None

    def find_machine(self, id: str) -> Machine | None:
        """The machine of that id, also when it was destroyed lately."""
        rows = self._query("SELECT document FROM machine WHERE id = ?", (id,))
        return msgspec.json.decode(rows[0]["document"], type=Machine) if rows else None

    def get_machine(self, id: str, app: str | None = None) -> Machine:
        """The machine of that id (and app); NotFound with the words that clients match."""
        machine = self.find_machine(id)
        if machine is None or app not in (None, machine.app):
            raise NotFound(f"machine not found: {id}")
        return machine

    def list_machines(self, app: str | None = None, *, destroyed: bool = False) -> list[Machine]:
        """All machines, or one app's, oldest first; destroyed ones only when asked for."""
        rows = self._query(
            "SELECT document FROM machine WHERE (?1 IS NULL OR app = ?1) AND (?2 OR destroyed_at IS NULL)"
            " ORDER BY rowid",
            (app, destroyed),
        )
        return [msgspec.json.decode(row["document"], type=Machine) for row in rows]

    def list_events(self, machine: str, limit: int = 50) -> list[Event]:
        """A machine's history, newest first."""
        rows = self._query(
            "SELECT document FROM event WHERE machine = ? ORDER BY sequence DESC LIMIT ?", (machine, limit)
        )
        return [msgspec.json.decode(row["document"], type=Event) for row in rows]

    def list_versions(self, machine: str) -> list[tuple[str, dict[str, Any]]]:
        """(instance id, config as given) of every version, newest first."""
        rows = self._query(
            "SELECT instance_id, raw_config FROM version WHERE machine = ? ORDER BY rowid DESC", (machine,)
        )
        return [(row["instance_id"], json.loads(row["raw_config"])) for row in rows]

    def find_lease(self, machine: str) -> Lease | None:
        """The machine's lease, also when it has run out."""
        rows = self._query("SELECT document FROM lease WHERE machine = ?", (machine,))
        return msgspec.json.decode(rows[0]["document"], type=Lease) if rows else None

    def promised(self) -> Promised:
        """What is promised now. A volume that can still be brought back keeps its space."""
        volumes = self._query("SELECT total(size_gb) FROM volume", ())[0][0]
        held = self._query("SELECT total(held_bytes) FROM snapshot", ())[0][0]
        passing = self._query("SELECT total(bytes) FROM hold", ())[0][0]
        machines = self._query(
            "SELECT total(scratch_gb), total(memory_mb) FROM machine WHERE destroyed_at IS NULL", ()
        )[0]
        return Promised(pool_bytes=int(volumes + machines[0]) * GIB + int(held + passing), memory_mb=int(machines[1]))

    def find_free_slot(self, slots: int) -> int | None:
        """The lowest address slot that no machine has."""
        taken = {row[0] for row in self._query("SELECT slot FROM machine WHERE slot IS NOT NULL", ())}
        return next((slot for slot in range(1, slots + 1) if slot not in taken), None)

    def name(self) -> str:
        """What tells this book from any other that this host may have had: it numbers the reports."""
        return str(self._query("SELECT name FROM identity", ())[0][0])

    def list_outbox(self, limit: int = 200) -> list[OutboxLine]:
        """What is still to be reported, in order."""
        rows = self._query("SELECT sequence, kind, id, app FROM outbox ORDER BY sequence LIMIT ?", (limit,))
        return [OutboxLine(*row) for row in rows]

    def last_sequence(self, kind: str, id: str) -> int:
        """The sequence number of the latest change of that thing; 0 when it was reported already."""
        rows = self._query("SELECT sequence FROM outbox WHERE kind = ? AND id = ?", (kind, id))
        return int(rows[0][0]) if rows else 0


class Writer(Reader):
    """Changes to the book, inside one transaction."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        super().__init__(lambda sql, values: connection.execute(sql, values).fetchall())
        self._connection = connection

    def put_volume(self, volume: Volume) -> None:
        """Write the volume as it is now, and that it changed."""
        self._connection.execute(
            "INSERT INTO volume (id, app, size_gb, state, erase_at, document) VALUES (?, ?, ?, ?, ?, ?)"
            " ON CONFLICT (id) DO UPDATE SET size_gb = excluded.size_gb, state = excluded.state,"
            " erase_at = excluded.erase_at, document = excluded.document",
            (
                volume.id,
                volume.app,
                volume.size_gb,
                volume.state,
                volume.erase_at.timestamp() if volume.erase_at else None,
                msgspec.json.encode(volume).decode(),
            ),
        )
        self._report("volume", volume.id, volume.app)

    def delete_volume(self, id: str, app: str) -> None:
        """Forget the volume, and with it the wrapped key that its operations kept."""
        self._connection.execute("DELETE FROM volume WHERE id = ?", (id,))
        self.forget_operations(id)
        self._report("volume", id, app)

    def forget_operations(self, subject: str) -> None:
        """Drop those that have ended, and with them the wrapped keys and sealed secrets in their inputs."""
        self._connection.execute("DELETE FROM operation WHERE subject = ? AND ended_at IS NOT NULL", (subject,))

    def put_snapshot(self, snapshot: Snapshot) -> None:
        """Write the snapshot as it is now, and that it changed."""
        self._connection.execute(
            "INSERT INTO snapshot (id, volume, app, status, held_bytes, kept_in, document) VALUES (?, ?, ?, ?, ?, ?, ?)"
            " ON CONFLICT (id) DO UPDATE SET status = excluded.status, held_bytes = excluded.held_bytes,"
            " kept_in = excluded.kept_in, document = excluded.document",
            (
                snapshot.id,
                snapshot.volume_id,
                snapshot.app,
                snapshot.status,
                snapshot.held_bytes,
                snapshot.kept_in,
                msgspec.json.encode(snapshot).decode(),
            ),
        )
        self._report("snapshot", snapshot.id, snapshot.app)

    def delete_snapshot(self, id: str, app: str) -> None:
        """Forget the snapshot, and with it the wrapped key that it kept."""
        self._connection.execute("DELETE FROM snapshot WHERE id = ?", (id,))
        self._report("snapshot", id, app)

    def put_hold(self, id: str, bytes: int) -> None:
        """Promise space of the pool to something that ends with this agent at the latest."""
        self._connection.execute(
            "INSERT INTO hold (id, bytes) VALUES (?, ?) ON CONFLICT (id) DO UPDATE SET bytes = excluded.bytes",
            (id, bytes),
        )

    def delete_hold(self, id: str) -> None:
        """It has ended."""
        self._connection.execute("DELETE FROM hold WHERE id = ?", (id,))

    def delete_holds(self) -> None:
        """Of an agent that died: what they were for is swept away too."""
        self._connection.execute("DELETE FROM hold")

    def put_clock(self, clock: SteadyClock) -> None:
        """Write the host's steady time."""
        self._connection.execute("DELETE FROM clock")
        self._connection.execute("INSERT INTO clock (document) VALUES (?)", (msgspec.json.encode(clock).decode(),))

    def put_machine(self, machine: Machine) -> None:
        """Write the machine as it is now, and that it changed."""
        destroyed = machine.state is MachineState.DESTROYED
        self._connection.execute(
            "INSERT INTO machine (id, app, name, state, slot, memory_mb, scratch_gb, destroyed_at, document)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET name = excluded.name,"
            " state = excluded.state, slot = excluded.slot, memory_mb = excluded.memory_mb,"
            " scratch_gb = excluded.scratch_gb, destroyed_at = excluded.destroyed_at, document = excluded.document",
            (
                machine.id,
                machine.app,
                machine.name,
                machine.state,
                None if destroyed else machine.slot,
                machine.config.guest.memory_mb,
                machine.scratch_gb,
                machine.updated_at.timestamp() if destroyed else None,
                msgspec.json.encode(machine).decode(),
            ),
        )
        self._report("machine", machine.id, machine.app)

    def delete_machine(self, id: str, app: str) -> None:
        """Forget the machine with its events, versions and lease."""
        self._connection.execute("DELETE FROM machine WHERE id = ?", (id,))
        self._report("machine", id, app)

    def forget_tombstones(self, now: datetime) -> None:
        """Forget machines that were destroyed long ago."""
        before = (now - TOMBSTONE_PERIOD).timestamp()
        self._connection.execute("DELETE FROM machine WHERE destroyed_at < ?", (before,))

    def add_version(self, machine: str, instance_id: str, raw_config: Mapping[str, Any]) -> None:
        """Keep a version of the machine's config."""
        self._connection.execute(
            "INSERT OR IGNORE INTO version (machine, instance_id, raw_config) VALUES (?, ?, ?)",
            (machine, instance_id, json.dumps(raw_config)),
        )

    def add_event(self, machine: str, event: Event) -> None:
        """Add a line to a machine's history; the oldest beyond 200 go."""
        self._connection.execute(
            "INSERT INTO event (machine, document) VALUES (?, ?)", (machine, msgspec.json.encode(event).decode())
        )
        self._connection.execute(
            "DELETE FROM event WHERE machine = ?1 AND sequence <= (SELECT sequence FROM event WHERE machine = ?1"
            " ORDER BY sequence DESC LIMIT 1 OFFSET ?2)",
            (machine, EVENTS_KEPT),
        )

    def put_lease(self, lease: Lease) -> None:
        """Write the machine's lease."""
        self._connection.execute(
            "INSERT INTO lease (machine, document) VALUES (?, ?)"
            " ON CONFLICT (machine) DO UPDATE SET document = excluded.document",
            (lease.machine, msgspec.json.encode(lease).decode()),
        )

    def delete_lease(self, machine: str) -> None:
        """End the machine's lease."""
        self._connection.execute("DELETE FROM lease WHERE machine = ?", (machine,))

    def forget_reported(self, sequence: int) -> None:
        """The API has taken everything up to here."""
        self._connection.execute("DELETE FROM outbox WHERE sequence <= ?", (sequence,))

    def report_everything(self) -> None:
        """Put every machine, volume and snapshot into the outbox, for an API that knows nothing of this host."""
        for table in ("volume", "machine", "snapshot"):
            self._connection.execute(
                f"INSERT OR REPLACE INTO outbox (kind, id, app) SELECT '{table}', id, app FROM {table} ORDER BY rowid"
            )

    def _report(self, kind: str, id: str, app: str) -> None:
        self._connection.execute("INSERT OR REPLACE INTO outbox (kind, id, app) VALUES (?, ?, ?)", (kind, id, app))


class Book(Reader):
    """The file itself. `on_change`, when set, is called from the writer's side after every change."""

    def __init__(self, path: Path) -> None:
        self.database = Database(path, MIGRATIONS)
        super().__init__(self.database.read)
        self.on_change: Callable[[], None] | None = None

    def write(self, work: Callable[[Writer], T]) -> T:
        """Run `work` in one transaction; its result once that is on disk."""
        result = self.database.write(lambda connection: work(Writer(connection)))
        self.tell()
        return result

    def tell(self) -> None:
        """Wake whoever waits for changes."""
        if self.on_change is not None:
            self.on_change()

    def close(self) -> None:
        """Finish and close the file."""
        self.database.close()
