"""volume.restore: the undo of destroy, as long as the volume waits for its end."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from caddis.agent.book import Reader, Writer
from caddis.agent.world import World
from caddis.domain.errors import Conflict, Problem
from caddis.domain.volume import Volume, VolumeState
from caddis.journal.operation import Context, Operation, Step


def _reserve(book: sqlite3.Connection, inputs: Mapping[str, Any]) -> None:
    writer = Writer(book)
    volume = writer.get_volume(inputs["id"])
    if volume.state is not VolumeState.PENDING_DESTROY:
        raise Conflict(f"volume {volume.id} is {volume.state}: only a destroyed volume can be brought back")
    # from here on the sweeper leaves it alone: it erases only what is pending_destroy
    writer.put_volume(replace(volume, state=VolumeState.RECOVERING))


def _back(book: Reader, inputs: Mapping[str, Any]) -> Volume:
    return replace(book.get_volume(inputs["id"]), state=VolumeState.CREATED, erase_at=None)


def _still_destroyed(book: Reader, inputs: Mapping[str, Any]) -> Volume:
    return replace(book.get_volume(inputs["id"]), state=VolumeState.PENDING_DESTROY)


def _finish(book: sqlite3.Connection, context: Context[World]) -> None:
    writer = Writer(book)
    writer.put_volume(_back(writer, context.inputs))


def _abandon(book: sqlite3.Connection, context: Context[World], _problem: Problem) -> None:
    writer = Writer(book)
    writer.put_volume(_still_destroyed(writer, context.inputs))


VOLUME_RESTORE: Operation[World] = Operation(
    name="volume.restore/1",
    reserve=_reserve,
    steps=(
        Step(
            "record",
            lambda context: context.world.volumes.write_record(_back(context.world.book, context.inputs)),
            lambda context: context.world.volumes.write_record(_still_destroyed(context.world.book, context.inputs)),
        ),
    ),
    finish=_finish,
    abandon=_abandon,
)
