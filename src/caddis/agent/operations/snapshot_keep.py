"""snapshot.keep: ship a local snapshot to the installation's store. Interrupted, it goes on where it was.

Undone, the store forgets it; one that cannot be reached does so when the snapshot expires (`may_be_kept`). Chunks that
no manifest names are collected.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from caddis.agent.book import Reader, Writer
from caddis.agent.world import World
from caddis.domain.errors import Conflict, NotFound, Problem
from caddis.domain.snapshot import Snapshot, SnapshotStatus, choose_base
from caddis.journal.operation import Context, Operation, Step
from caddis.telemetry.log import note


def _get(book: Reader, inputs: Mapping[str, Any]) -> Snapshot:
    snapshot = book.find_snapshot(inputs["id"])
    if snapshot is None:
        raise NotFound(f"snapshot {inputs['id']} not found: it never was, or it has expired")
    return snapshot


def _reserve(book: sqlite3.Connection, inputs: Mapping[str, Any]) -> None:
    snapshot = _get(Writer(book), inputs)
    if snapshot.status is not SnapshotStatus.CREATED or not snapshot.is_local:
        raise Conflict(f"snapshot {snapshot.id} is {snapshot.status} and not on this host: it cannot be shipped")


def _ship(context: Context[World]) -> Mapping[str, Any]:
    world, snapshot = context.world, _get(context.world.book, context.inputs)
    store = world.kept.where
    base = choose_base(world.book.list_snapshots(snapshot.volume_id), snapshot.id, store=store)
    changed = world.volumes.list_changes(base.id, snapshot.id) if base else None
    stored = world.kept.ship(
        snapshot,
        world.volumes.snapshot_files(snapshot.origin, snapshot.id),
        key=world.volumes.open_key(snapshot.origin),
        base=base.id if base else None,
        changed=changed,
    )
    return {"stored": stored, "at": world.now().isoformat(), "store": store}


def _forget(context: Context[World]) -> None:
    try:
        context.world.kept.forget(context.inputs["volume"], context.inputs["id"])
    except Problem as problem:
        note("the store may still have a snapshot", snapshot=context.inputs["id"], why=problem.message)


def _finish(book: sqlite3.Connection, context: Context[World]) -> None:
    writer = Writer(book)
    snapshot = writer.find_snapshot(context.inputs["id"])
    if snapshot is not None:
        result = context.results["ship"]
        kept = replace(snapshot, kept_bytes=int(result["stored"]), kept_in=result["store"], keep_problem="")
        writer.put_snapshot(replace(kept, kept_at=datetime.fromisoformat(result["at"])))
        _tell_of_volume(writer, snapshot)


def _abandon(book: sqlite3.Connection, context: Context[World], problem: Problem) -> None:
    writer = Writer(book)
    snapshot = writer.find_snapshot(context.inputs["id"])
    if snapshot is not None:
        writer.put_snapshot(replace(snapshot, keep_problem=problem.message))
        _tell_of_volume(writer, snapshot)


def _tell_of_volume(writer: Writer, snapshot: Snapshot) -> None:
    """A volume is shown with its last kept snapshot."""
    volume = writer.find_volume(snapshot.volume_id)
    if volume is not None:
        writer.put_volume(volume)


SNAPSHOT_KEEP: Operation[World] = Operation(
    name="snapshot.keep/1", reserve=_reserve, steps=(Step("ship", _ship, _forget),), finish=_finish, abandon=_abandon
)
