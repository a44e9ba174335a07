"""volume.adopt and snapshot.adopt: what another host's pool holds becomes this host's. Undone, nothing is left of it.

Inputs: the adoption, the row to be (without its key, which only records and rows hold), how many bytes of the pool it
may take, and what the pool can promise in all.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from typing import Any

import msgspec

from caddis.agent.book import Writer
from caddis.agent.operations.common import check_pool, load_volume
from caddis.agent.world import World
from caddis.domain.adoption import Adoption
from caddis.domain.errors import Conflict, NoCapacity, Problem
from caddis.domain.sizes import format_bytes
from caddis.domain.snapshot import Snapshot
from caddis.journal.operation import Context, Operation, Step


def _adoption(context: Context[World]) -> Adoption:
    return msgspec.convert(context.inputs["adoption"], type=Adoption)


def _image(context: Context[World]) -> None:
    context.world.volumes.adopt_image(_adoption(context))


def _record(context: Context[World]) -> None:
    context.world.volumes.adopt_record(_adoption(context), context.results.get("measure") or 0)


def _leave(context: Context[World]) -> None:
    context.world.volumes.leave(_adoption(context))


def _reserve_volume(book: sqlite3.Connection, inputs: Mapping[str, Any]) -> None:
    writer, volume = Writer(book), load_volume(inputs["row"])
    if writer.find_volume(volume.id) is not None:
        raise Conflict(f"volume {volume.id} exists already")
    check_pool(writer, inputs["capacity_bytes"], volume.size_gb, f"for a volume of {volume.size_gb} GB")
    writer.put_volume(volume)


def _finish_volume(book: sqlite3.Connection, context: Context[World]) -> None:
    Writer(book).put_volume(context.world.volumes.read_record(_adoption(context).id))


def _abandon_volume(book: sqlite3.Connection, context: Context[World], _problem: Problem) -> None:
    volume = load_volume(context.inputs["row"])
    Writer(book).delete_volume(volume.id, volume.app)


def _reserve_snapshot(book: sqlite3.Connection, inputs: Mapping[str, Any]) -> None:
    writer, snapshot = Writer(book), msgspec.convert(inputs["row"], type=Snapshot)
    if writer.find_snapshot(snapshot.id) is not None:
        raise Conflict(f"snapshot {snapshot.id} exists already")
    free = int(inputs["capacity_bytes"]) - writer.promised().pool_bytes
    if snapshot.held_bytes > free:
        raise NoCapacity(
            f"this host's pool has {format_bytes(max(0, free))} left, too little for snapshot {snapshot.id},"
            f" which takes {format_bytes(snapshot.held_bytes)}"
        )
    writer.put_snapshot(snapshot)


def _measure(context: Context[World]) -> int:
    """A copy shares nothing with the snapshots before it."""
    adoption = _adoption(context)
    return context.world.volumes.held_bytes(adoption.id, adoption.older)


def _finish_snapshot(book: sqlite3.Connection, context: Context[World]) -> None:
    Writer(book).put_snapshot(context.world.volumes.read_snapshot_record(_adoption(context).id))


def _abandon_snapshot(book: sqlite3.Connection, context: Context[World], _problem: Problem) -> None:
    snapshot = msgspec.convert(context.inputs["row"], type=Snapshot)
    Writer(book).delete_snapshot(snapshot.id, snapshot.app)


VOLUME_ADOPT: Operation[World] = Operation(
    name="volume.adopt/1",
    reserve=_reserve_volume,
    steps=(Step("image", _image, _leave), Step("record", _record, _leave)),
    finish=_finish_volume,
    abandon=_abandon_volume,
)
SNAPSHOT_ADOPT: Operation[World] = Operation(
    name="snapshot.adopt/1",
    reserve=_reserve_snapshot,
    steps=(Step("image", _image, _leave), Step("measure", _measure), Step("record", _record, _leave)),
    finish=_finish_snapshot,
    abandon=_abandon_snapshot,
)
