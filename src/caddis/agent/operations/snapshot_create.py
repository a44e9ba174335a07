"""snapshot.create: promise the space, clone at one instant, write the record. Undone, it is there as `failed`.

Inputs: the snapshot without its origin, the volume's id, the bytes that it may hold, and what the pool can promise.
The origin, with its wrapped key, is copied from row to row: an operation's inputs are kept for a week.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from caddis.agent.book import Writer
from caddis.agent.operations.common import load_snapshot
from caddis.agent.world import World
from caddis.domain.errors import Conflict, NoCapacity, Problem
from caddis.domain.sizes import format_bytes
from caddis.domain.snapshot import Snapshot, SnapshotStatus, check_snappable, older_neighbour, origin_of
from caddis.journal.operation import Context, Operation, Step


def _reserve(book: sqlite3.Connection, inputs: Mapping[str, Any]) -> None:
    writer = Writer(book)
    volume = writer.get_volume(inputs["volume"])
    check_snappable(volume)
    snapshot = load_snapshot(inputs["snapshot"], origin_of(volume))
    if writer.find_snapshot(snapshot.id) is not None:
        raise Conflict(f"snapshot {snapshot.id} exists already")
    bound = min(int(inputs["bound_bytes"]), snapshot.volume_bytes)
    free = int(inputs["capacity_bytes"]) - writer.promised().pool_bytes
    if bound > free:
        raise NoCapacity(
            f"this host's pool has {format_bytes(max(0, free))} left, and a snapshot of volume {volume.id}"
            f" may come to hold {format_bytes(bound)}",
            hint="let older snapshots expire, destroy volumes that are not needed, or give the host a larger pool",
        )
    writer.put_snapshot(replace(snapshot, held_bytes=bound))


def _get(world: World, inputs: Mapping[str, Any]) -> Snapshot:
    snapshot = world.book.find_snapshot(inputs["snapshot"]["id"])
    if snapshot is None:
        raise Problem(f"snapshot {inputs['snapshot']['id']} is not in the book any more")
    return snapshot


def _clone(context: Context[World]) -> str:
    world, snapshot = context.world, _get(context.world, context.inputs)
    world.book.write(lambda writer: writer.put_snapshot(replace(snapshot, status=SnapshotStatus.RUNNING)))
    world.volumes.take_snapshot(snapshot.origin, snapshot.id)
    return world.now().isoformat()


def _measure(context: Context[World]) -> int:
    world, snapshot = context.world, _get(context.world, context.inputs)
    older = older_neighbour(world.book.list_snapshots(snapshot.volume_id), snapshot.id)
    return world.volumes.held_bytes(snapshot.id, older.id if older else None)


def _whole(snapshot: Snapshot, results: Mapping[str, Any]) -> Snapshot:
    return replace(snapshot, status=SnapshotStatus.CREATED, held_bytes=int(results["measure"]))


def _write_record(context: Context[World]) -> None:
    context.world.volumes.write_snapshot_record(_whole(_get(context.world, context.inputs), context.results))


def _erase(context: Context[World]) -> None:
    context.world.volumes.erase_snapshot(context.inputs["snapshot"]["id"])


def _finish(book: sqlite3.Connection, context: Context[World]) -> None:
    writer = Writer(book)
    snapshot = writer.find_snapshot(context.inputs["snapshot"]["id"])
    if snapshot is not None:
        writer.put_snapshot(_whole(snapshot, context.results))


def _abandon(book: sqlite3.Connection, context: Context[World], problem: Problem) -> None:
    writer = Writer(book)
    snapshot = writer.find_snapshot(context.inputs["snapshot"]["id"])
    if snapshot is not None:
        failed = replace(snapshot, status=SnapshotStatus.FAILED, held_bytes=0, problem=problem.message)
        writer.put_snapshot(replace(failed, origin=replace(snapshot.origin, wrapped_key=None)))


SNAPSHOT_CREATE: Operation[World] = Operation(
    name="snapshot.create/1",
    reserve=_reserve,
    steps=(
        Step("clone", _clone, _erase),
        Step("measure", _measure),
        Step("record", _write_record, _erase),
    ),
    finish=_finish,
    abandon=_abandon,
)
