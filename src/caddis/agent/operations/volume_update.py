"""volume.update: other snapshot settings, in the book and in the record beside the image."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from caddis.agent.book import Reader, Writer
from caddis.agent.world import World
from caddis.domain.volume import Volume
from caddis.journal.operation import Context, Operation, Step


def _changed(book: Reader, inputs: Mapping[str, Any]) -> Volume:
    return replace(book.get_volume(inputs["id"]), **inputs["changes"])


def _reserve(book: sqlite3.Connection, inputs: Mapping[str, Any]) -> None:
    Writer(book).get_volume(inputs["id"])


def _write_record(context: Context[World]) -> None:
    context.world.volumes.write_record(_changed(context.world.book, context.inputs))


def _undo_record(context: Context[World]) -> None:
    context.world.volumes.write_record(context.world.book.get_volume(context.inputs["id"]))


def _finish(book: sqlite3.Connection, context: Context[World]) -> None:
    writer = Writer(book)
    writer.put_volume(_changed(writer, context.inputs))


VOLUME_UPDATE: Operation[World] = Operation(
    name="volume.update/1", reserve=_reserve, steps=(Step("record", _write_record, _undo_record),), finish=_finish
)
