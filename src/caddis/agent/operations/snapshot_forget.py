"""snapshot.forget: the store has the snapshot no longer, and with that nobody has. Its chunks are collected later."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from typing import Any

from caddis.agent.book import Writer
from caddis.agent.world import World
from caddis.domain.errors import Conflict
from caddis.journal.operation import Context, Operation, Step


def _reserve(book: sqlite3.Connection, inputs: Mapping[str, Any]) -> None:
    snapshot = Writer(book).find_snapshot(inputs["id"])
    if snapshot is not None and snapshot.is_local:
        raise Conflict(f"snapshot {snapshot.id} is still on this host: it is erased there first")


def _finish(book: sqlite3.Connection, context: Context[World]) -> None:
    writer = Writer(book)
    snapshot = writer.find_snapshot(context.inputs["id"])
    if snapshot is not None:
        writer.delete_snapshot(snapshot.id, snapshot.app)


SNAPSHOT_FORGET: Operation[World] = Operation(
    name="snapshot.forget/1",
    reserve=_reserve,
    steps=(Step("forget", lambda context: context.world.kept.forget(context.inputs["volume"], context.inputs["id"])),),
    finish=_finish,
    forward_only=True,
)
