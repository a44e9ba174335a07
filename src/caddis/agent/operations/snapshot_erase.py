"""snapshot.erase: gone from the pool. What it held alone is free; what the next one shared with it is now that one's.

One that is kept stays in the book, without the key that only the pool's bytes needed: the store has its own.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from caddis.agent.book import Writer
from caddis.agent.world import World
from caddis.domain.errors import Conflict
from caddis.domain.snapshot import SnapshotStatus, newer_neighbour, older_neighbour
from caddis.journal.operation import Context, Operation, Step


def _reserve(book: sqlite3.Connection, inputs: Mapping[str, Any]) -> None:
    snapshot = Writer(book).find_snapshot(inputs["id"])
    if snapshot is not None and snapshot.status in (SnapshotStatus.WAITING, SnapshotStatus.RUNNING):
        raise Conflict(f"snapshot {snapshot.id} is {snapshot.status} and cannot be erased yet")


def _measure(context: Context[World]) -> Mapping[str, Any]:
    """What the next snapshot will hold alone when this one is gone."""
    book, id = context.world.book, context.inputs["id"]
    snapshots = book.list_snapshots(context.inputs["volume"])
    newer, older = newer_neighbour(snapshots, id), older_neighbour(snapshots, id)
    if newer is None:
        return {}
    return {"id": newer.id, "held": context.world.volumes.held_bytes(newer.id, older.id if older else None)}


def _finish(book: sqlite3.Connection, context: Context[World]) -> None:
    writer = Writer(book)
    heir = context.results["measure"]
    newer = writer.find_snapshot(heir["id"]) if heir else None
    if newer is not None:
        writer.put_snapshot(replace(newer, held_bytes=int(heir["held"])))
    snapshot = writer.find_snapshot(context.inputs["id"])
    if snapshot is None:
        return
    if not snapshot.may_be_kept:
        writer.delete_snapshot(snapshot.id, snapshot.app)
    else:
        gone = replace(snapshot, is_local=False, held_bytes=0)
        writer.put_snapshot(replace(gone, origin=replace(snapshot.origin, wrapped_key=None)))


SNAPSHOT_ERASE: Operation[World] = Operation(
    name="snapshot.erase/1",
    reserve=_reserve,
    steps=(
        Step("measure", _measure),
        Step("erase", lambda context: context.world.volumes.erase_snapshot(context.inputs["id"])),
    ),
    finish=_finish,
    forward_only=True,
)
