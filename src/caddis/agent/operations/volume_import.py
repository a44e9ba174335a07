"""volume.import: a volume made of what a client sends. Until all of it is there and on disk, it is `restoring`.

The upload lives in the agent that receives it (agent/uploads.py). An agent that dies in the middle has lost it, so its
successor undoes the operation, and nothing is left.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from caddis.agent.book import Writer
from caddis.agent.operations.common import check_pool, load_volume
from caddis.agent.world import World
from caddis.domain.errors import Conflict, NoCapacity, Problem
from caddis.domain.sizes import format_bytes
from caddis.domain.volume import Volume, VolumeState
from caddis.journal.operation import Context, Operation, Step


def _reserve(book: sqlite3.Connection, inputs: Mapping[str, Any]) -> None:
    writer, volume = Writer(book), load_volume(inputs["volume"])
    if writer.find_volume(volume.id) is not None:
        raise Conflict(f"volume {volume.id} exists already")
    check_pool(writer, inputs["capacity_bytes"], volume.size_gb, f"for a volume of {volume.size_gb} GB")
    writer.put_volume(volume)


def _volume(context: Context[World]) -> Volume:
    volume = load_volume(context.inputs["volume"])
    return replace(volume, wrapped_key=context.results.get("key"))


def _make_key(context: Context[World]) -> str | None:
    volume = load_volume(context.inputs["volume"])
    return context.world.volumes.make_key(volume.id) if volume.encrypted else None


def _allocate(context: Context[World]) -> None:
    volume = _volume(context)
    context.world.volumes.allocate(volume.id, volume.size_gb)


def _fill(context: Context[World]) -> list[str]:
    world, volume = context.world, _volume(context)
    upload = world.uploads.take(volume.id)
    return world.volumes.fill(volume, upload.read, lambda bytes: _hold(context, volume.id, bytes))


def _hold(context: Context[World], volume_id: str, bytes: int) -> None:
    """Promise the pool's space to what is gathered for an import; NoCapacity."""

    def work(writer: Writer) -> None:
        writer.delete_hold(f"import:{volume_id}")
        free = int(context.inputs["capacity_bytes"]) - writer.promised().pool_bytes
        if bytes > free:
            raise NoCapacity(
                f"this host's pool has {format_bytes(max(0, free))} left, and an image is gathered there first,"
                f" beside the volume: it takes {format_bytes(bytes)} or more",
                hint="import the files as a tar, or give the host a larger pool",
            )
        writer.put_hold(f"import:{volume_id}", bytes)

    context.world.book.write(work)


def _erase(context: Context[World]) -> None:
    volume = load_volume(context.inputs["volume"])
    context.world.volumes.unmount(volume.id)
    context.world.volumes.erase(volume.id)


def _write_record(context: Context[World]) -> None:
    context.world.volumes.write_record(replace(_volume(context), state=VolumeState.CREATED))


def _finish(book: sqlite3.Connection, context: Context[World]) -> None:
    writer, volume = Writer(book), replace(_volume(context), state=VolumeState.CREATED)
    writer.put_volume(volume)
    writer.delete_hold(f"import:{volume.id}")


def _abandon(book: sqlite3.Connection, context: Context[World], _problem: Problem) -> None:
    writer, volume = Writer(book), load_volume(context.inputs["volume"])
    writer.delete_volume(volume.id, volume.app)
    writer.delete_hold(f"import:{volume.id}")


VOLUME_IMPORT: Operation[World] = Operation(
    name="volume.import/1",
    reserve=_reserve,
    steps=(
        Step("key", _make_key),
        Step("allocate", _allocate, _erase),
        Step("format", lambda context: context.world.volumes.format(_volume(context)), _erase),
        Step("fill", _fill, _erase),
        Step("record", _write_record, _erase),
    ),
    finish=_finish,
    abandon=_abandon,
)
