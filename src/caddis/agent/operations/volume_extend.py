"""volume.extend: promise the space, allocate it, write the record. The file system grows after that, or at a mount.

Inputs: the volume's id, its old and new size in GB, and what the pool can promise in all.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from caddis.agent.book import Writer
from caddis.agent.operations.common import check_pool
from caddis.agent.world import World
from caddis.domain.errors import Conflict, Problem
from caddis.domain.volume import Volume, VolumeState, check_extension
from caddis.journal.operation import Context, Operation, Step


def _reserve(book: sqlite3.Connection, inputs: Mapping[str, Any]) -> None:
    writer = Writer(book)
    volume = writer.get_volume(inputs["id"])
    check_extension(volume, inputs["size_gb"])
    if volume.size_gb != inputs["old_size_gb"]:
        raise Conflict(f"volume {volume.id} has been extended to {volume.size_gb} GB meanwhile")
    what = f"to extend volume {volume.id} from {volume.size_gb} to {inputs['size_gb']} GB"
    check_pool(writer, inputs["capacity_bytes"], inputs["size_gb"] - volume.size_gb, what)
    writer.put_volume(replace(volume, size_gb=inputs["size_gb"], state=VolumeState.EXTENDING))


def _volume(context: Context[World], size_gb: int) -> Volume:
    volume = context.world.book.get_volume(context.inputs["id"])
    return replace(volume, size_gb=size_gb, state=VolumeState.CREATED)


def _write_record(context: Context[World]) -> None:
    context.world.volumes.write_record(_volume(context, context.inputs["size_gb"]))


def _undo_record(context: Context[World]) -> None:
    context.world.volumes.write_record(_volume(context, context.inputs["old_size_gb"]))


def _finish(book: sqlite3.Connection, context: Context[World]) -> None:
    writer = Writer(book)
    writer.put_volume(replace(writer.get_volume(context.inputs["id"]), state=VolumeState.CREATED))


def _abandon(book: sqlite3.Connection, context: Context[World], _problem: Problem) -> None:
    writer = Writer(book)
    volume = writer.get_volume(context.inputs["id"])
    writer.put_volume(replace(volume, size_gb=context.inputs["old_size_gb"], state=VolumeState.CREATED))


VOLUME_EXTEND: Operation[World] = Operation(
    name="volume.extend/1",
    reserve=_reserve,
    steps=(
        Step(
            "allocate",
            lambda context: context.world.volumes.extend(context.inputs["id"], context.inputs["size_gb"]),
            lambda context: context.world.volumes.cut_back(context.inputs["id"], context.inputs["old_size_gb"]),
        ),
        Step("record", _write_record, _undo_record),
    ),
    finish=_finish,
    abandon=_abandon,
)
