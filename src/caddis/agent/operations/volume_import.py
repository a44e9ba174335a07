"""volume.import: a volume made of what a client sends. Until all of it is there and on disk, it is `restoring`.

The upload lives in the agent that receives it (agent/uploads.py). An agent that dies in the middle has lost it, so its
successor undoes the operation, and nothing is left.
"""

from __future__ import annotations

import sqlite3

from caddis.agent.book import Writer
from caddis.agent.operations.common import load_volume
from caddis.agent.operations.new_volume import (
    abandon_volume,
    allocate_volume,
    erase_volume,
    finish_volume,
    made_volume,
    make_key,
    reserve_volume,
)
from caddis.agent.world import World
from caddis.domain.errors import NoCapacity, Problem
from caddis.domain.sizes import format_bytes
from caddis.journal.operation import Context, Operation, Step


def _fill(context: Context[World]) -> list[str]:
    world, volume = context.world, made_volume(context)
    upload = world.uploads.take(volume.id)
    return world.volumes.fill(volume, upload.read, lambda bytes: _hold(context, bytes))


def _hold(context: Context[World], bytes: int) -> None:
    """Promise the pool's space to what is gathered for an import; NoCapacity."""

    def work(writer: Writer) -> None:
        writer.delete_hold(_hold_of(context))
        free = int(context.inputs["capacity_bytes"]) - writer.promised().pool_bytes
        if bytes > free:
            raise NoCapacity(
                f"this host's pool has {format_bytes(max(0, free))} left, and an image is gathered there first,"
                f" beside the volume: it takes {format_bytes(bytes)} or more",
                hint="import the files as a tar, or give the host a larger pool",
            )
        writer.put_hold(_hold_of(context), bytes)

    context.world.book.write(work)


def _finish(book: sqlite3.Connection, context: Context[World]) -> None:
    finish_volume(book, context)
    Writer(book).delete_hold(_hold_of(context))


def _abandon(book: sqlite3.Connection, context: Context[World], problem: Problem) -> None:
    abandon_volume(book, context, problem)
    Writer(book).delete_hold(_hold_of(context))


def _hold_of(context: Context[World]) -> str:
    return f"import:{load_volume(context.inputs['volume']).id}"


VOLUME_IMPORT: Operation[World] = Operation(
    name="volume.import/1",
    reserve=reserve_volume,
    steps=(
        Step("key", make_key),
        Step("allocate", allocate_volume, erase_volume),
        Step("format", lambda context: context.world.volumes.format(made_volume(context)), erase_volume),
        Step("fill", _fill, erase_volume),
        Step("record", lambda context: context.world.volumes.write_record(made_volume(context)), erase_volume),
    ),
    finish=_finish,
    abandon=_abandon,
)
