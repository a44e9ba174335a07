"""volume.update: other settings, in the book, in the record beside the image, and for the machine that runs on it."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from caddis.agent.book import Reader, Writer
from caddis.agent.world import World
from caddis.domain.io_limits import choose_io_limits
from caddis.domain.volume import Volume, check_changeable
from caddis.journal.operation import Context, Operation, Step


def _changed(book: Reader, inputs: Mapping[str, Any]) -> Volume:
    volume, changes = book.get_volume(inputs["id"]), dict(inputs["changes"])
    if "io_limits" in changes:
        changes["io_limits"] = replace(volume.io_limits, **changes["io_limits"])
    return replace(volume, **changes)


def _reserve(book: sqlite3.Connection, inputs: Mapping[str, Any]) -> None:
    check_changeable(Writer(book).get_volume(inputs["id"]))


def _write_record(context: Context[World]) -> None:
    context.world.volumes.write_record(_changed(context.world.book, context.inputs))


def _undo_record(context: Context[World]) -> None:
    context.world.volumes.write_record(context.world.book.get_volume(context.inputs["id"]))


def _limit(context: Context[World], volume: Volume) -> None:
    """Where a machine runs on it, at once; else when one is started."""
    machine = context.world.book.find_machine(volume.attached_machine_id or "")
    if machine is None or "io_limits" not in context.inputs["changes"]:
        return
    limits = choose_io_limits(volume.io_limits, machine.config.guest, context.world.io_policy)
    for mount in machine.config.mounts:
        if mount.volume == volume.id:
            context.world.runtime.limit_io(machine.id, mount.path, limits)


def _limit_as_changed(context: Context[World]) -> None:
    _limit(context, _changed(context.world.book, context.inputs))


def _limit_as_before(context: Context[World]) -> None:
    _limit(context, context.world.book.get_volume(context.inputs["id"]))


def _finish(book: sqlite3.Connection, context: Context[World]) -> None:
    writer = Writer(book)
    writer.put_volume(_changed(writer, context.inputs))


VOLUME_UPDATE: Operation[World] = Operation(
    name="volume.update/1",
    reserve=_reserve,
    steps=(Step("record", _write_record, _undo_record), Step("limits", _limit_as_changed, _limit_as_before)),
    finish=_finish,
)
