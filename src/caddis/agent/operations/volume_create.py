"""volume.create: reserve space, make the key, allocate, format, write the record. Undone, nothing is left."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from caddis.agent.book import Writer
from caddis.agent.operations.common import check_pool, load_volume
from caddis.agent.world import World
from caddis.domain.errors import Conflict, Problem
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
    return replace(volume, wrapped_key=context.results.get("key"), state=VolumeState.CREATED)


def _make_key(context: Context[World]) -> str | None:
    volume = load_volume(context.inputs["volume"])
    return context.world.volumes.make_key(volume.id) if volume.encrypted else None


def _allocate(context: Context[World]) -> None:
    volume = _volume(context)
    context.world.volumes.allocate(volume.id, volume.size_gb)


def _erase(context: Context[World]) -> None:
    volume = load_volume(context.inputs["volume"])
    context.world.volumes.unmount(volume.id)
    context.world.volumes.erase(volume.id)


def _finish(book: sqlite3.Connection, context: Context[World]) -> None:
    Writer(book).put_volume(_volume(context))


def _abandon(book: sqlite3.Connection, context: Context[World], _problem: Problem) -> None:
    volume = load_volume(context.inputs["volume"])
    Writer(book).delete_volume(volume.id, volume.app)


VOLUME_CREATE: Operation[World] = Operation(
    name="volume.create/1",
    reserve=_reserve,
    steps=(
        Step("key", _make_key),
        Step("allocate", _allocate, _erase),
        Step("format", lambda context: context.world.volumes.format(_volume(context)), _erase),
        Step("record", lambda context: context.world.volumes.write_record(_volume(context)), _erase),
    ),
    finish=_finish,
    abandon=_abandon,
)
