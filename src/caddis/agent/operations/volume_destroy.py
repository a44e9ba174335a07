"""volume.destroy: softly; the data stays until `erase_at` (promise P5)."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from caddis.agent.book import Reader, Writer
from caddis.agent.world import World
from caddis.domain.errors import Problem
from caddis.domain.volume import Volume, VolumeState, check_destroyable
from caddis.journal.operation import Context, Operation, Step


def _reserve(book: sqlite3.Connection, inputs: Mapping[str, Any]) -> None:
    writer = Writer(book)
    volume = writer.get_volume(inputs["id"])
    check_destroyable(volume)
    writer.put_volume(replace(volume, state=VolumeState.SCHEDULING_DESTROY))


def _destroyed(book: Reader, inputs: Mapping[str, Any]) -> Volume:
    volume = book.get_volume(inputs["id"])
    return replace(volume, state=VolumeState.PENDING_DESTROY, erase_at=datetime.fromisoformat(inputs["erase_at"]))


def _kept(book: Reader, inputs: Mapping[str, Any]) -> Volume:
    return replace(book.get_volume(inputs["id"]), state=VolumeState.CREATED, erase_at=None)


def _finish(book: sqlite3.Connection, context: Context[World]) -> None:
    writer = Writer(book)
    writer.put_volume(_destroyed(writer, context.inputs))


def _abandon(book: sqlite3.Connection, context: Context[World], _problem: Problem) -> None:
    writer = Writer(book)
    writer.put_volume(_kept(writer, context.inputs))


VOLUME_DESTROY: Operation[World] = Operation(
    name="volume.destroy/1",
    reserve=_reserve,
    steps=(
        Step(
            "record",
            lambda context: context.world.volumes.write_record(_destroyed(context.world.book, context.inputs)),
            lambda context: context.world.volumes.write_record(_kept(context.world.book, context.inputs)),
        ),
    ),
    finish=_finish,
    abandon=_abandon,
)
