"""volume.copy: a volume from the bytes of another one or of a snapshot, on the same host. Undone, nothing is left.

Inputs: the new volume, the origin volume's id, the snapshot's id or None, and what the pool can promise in all.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from caddis.agent.book import Reader, Writer
from caddis.agent.operations.common import load_volume
from caddis.agent.operations.new_volume import abandon_volume, erase_volume, reserve_volume
from caddis.agent.world import World
from caddis.domain.errors import NotFound
from caddis.domain.snapshot import Origin, check_large_enough, check_restorable, check_snappable, origin_of
from caddis.domain.volume import Volume, VolumeState
from caddis.journal.operation import Context, Operation, Step


def find_origin(book: Reader, inputs: Mapping[str, Any], size_gb: int) -> Origin:
    """What is to be copied; NotFound, Conflict or Invalid when it cannot be now, or not into `size_gb` GB."""
    if inputs["snapshot"] is None:
        volume = book.get_volume(inputs["origin"])
        check_snappable(volume)
        check_large_enough(size_gb, volume.size_gb, f"volume {volume.id}")
        return origin_of(volume)
    snapshot = book.find_snapshot(inputs["snapshot"])
    if snapshot is None:
        raise NotFound(f"snapshot {inputs['snapshot']} not found: it never was, or it has expired")
    check_restorable(snapshot, size_gb)
    return snapshot.origin


def _reserve(book: sqlite3.Connection, inputs: Mapping[str, Any]) -> None:
    writer, volume = Writer(book), load_volume(inputs["volume"])
    origin = find_origin(writer, inputs, volume.size_gb)
    reserve_volume(book, inputs)
    writer.put_volume(replace(volume, encryption=origin.encryption, fstype=origin.fstype))


def _wrap_key(context: Context[World]) -> str | None:
    volume = load_volume(context.inputs["volume"])
    origin = find_origin(context.world.book, context.inputs, volume.size_gb)
    return context.world.volumes.rewrap_key(origin, volume.id)


def _volume(context: Context[World], book: Reader) -> Volume:
    volume = book.get_volume(load_volume(context.inputs["volume"]).id)
    return replace(volume, wrapped_key=context.results.get("key"), state=VolumeState.CREATED)


def _copy(context: Context[World]) -> None:
    volume = _volume(context, context.world.book)
    origin = find_origin(context.world.book, context.inputs, volume.size_gb)
    context.world.volumes.copy(volume, origin, context.inputs["snapshot"])


def _finish(book: sqlite3.Connection, context: Context[World]) -> None:
    writer = Writer(book)
    writer.put_volume(_volume(context, writer))


VOLUME_COPY: Operation[World] = Operation(
    name="volume.copy/1",
    reserve=_reserve,
    steps=(
        Step("key", _wrap_key),
        Step("copy", _copy, erase_volume),
        Step(
            "record",
            lambda context: context.world.volumes.write_record(_volume(context, context.world.book)),
            erase_volume,
        ),
    ),
    finish=_finish,
    abandon=abandon_volume,
)
