"""volume.hydrate: a volume from a kept snapshot, whichever host that was taken on. Undone, nothing is left.

Inputs: the new volume, the origin volume's id, the snapshot's id, and what the pool can promise in all. Every chunk is
checked before it is written; what a death interrupts goes on where it was.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from caddis.agent.book import Reader, Writer
from caddis.agent.operations.common import check_pool, load_volume
from caddis.agent.world import World
from caddis.domain.errors import Conflict, NotFound, Problem
from caddis.domain.snapshot import check_large_enough
from caddis.domain.volume import EncryptionKind, FileSystemKind, Volume, VolumeState
from caddis.journal.operation import Context, Operation, Retry, Step

_AGAIN = 2.0  # seconds between looks at a store that does not have the snapshot yet
_PATIENCE = 6 * 3600.0  # 500 GB at 25 MB/s: it may still be on its way


def _reserve(book: sqlite3.Connection, inputs: Mapping[str, Any]) -> None:
    writer, volume = Writer(book), load_volume(inputs["volume"])
    if writer.find_volume(volume.id) is not None:
        raise Conflict(f"volume {volume.id} exists already")
    check_pool(writer, inputs["capacity_bytes"], volume.size_gb, f"for a volume of {volume.size_gb} GB")
    writer.put_volume(volume)


def _find(context: Context[World]) -> Mapping[str, Any]:
    """What the snapshot is, and its key wrapped for the new volume."""
    world, volume = context.world, load_volume(context.inputs["volume"])
    try:
        kept = world.kept.open_kept(context.inputs["origin"], context.inputs["snapshot"])
    except NotFound as absent:
        raise Retry(_AGAIN, absent) from None
    check_large_enough(volume.size_gb, kept.origin.size_gb, f"snapshot {context.inputs['snapshot']}")
    key = kept.open_key()
    return {
        "encryption": str(kept.origin.encryption),
        "fstype": str(kept.origin.fstype),
        "key": world.volumes.close_key(key, volume.id) if key else None,
    }


def _volume(context: Context[World], book: Reader) -> Volume:
    found = context.results["find"]
    return replace(
        book.get_volume(load_volume(context.inputs["volume"]).id),
        encryption=EncryptionKind(found["encryption"]),
        fstype=FileSystemKind(found["fstype"]),
        wrapped_key=found["key"],
        state=VolumeState.CREATED,
    )


def _hydrate(context: Context[World]) -> None:
    world, volume = context.world, _volume(context, context.world.book)
    kept = world.kept.open_kept(context.inputs["origin"], context.inputs["snapshot"])
    files = world.volumes.begin_copy(volume, kept.image_bytes)
    if files is None:
        return  # it is whole already
    for part, path in files.items():
        kept.restore(part, path)
    world.volumes.finish_copy(volume, context.inputs["origin"])


def _erase(context: Context[World]) -> None:
    context.world.volumes.erase(load_volume(context.inputs["volume"]).id)


def _finish(book: sqlite3.Connection, context: Context[World]) -> None:
    writer = Writer(book)
    writer.put_volume(_volume(context, writer))


def _abandon(book: sqlite3.Connection, context: Context[World], _problem: Problem) -> None:
    volume = load_volume(context.inputs["volume"])
    Writer(book).delete_volume(volume.id, volume.app)


VOLUME_HYDRATE: Operation[World] = Operation(
    name="volume.hydrate/1",
    reserve=_reserve,
    steps=(
        Step("find", _find),
        Step("hydrate", _hydrate, _erase),
        Step(
            "record",
            lambda context: context.world.volumes.write_record(_volume(context, context.world.book)),
            _erase,
        ),
    ),
    finish=_finish,
    abandon=_abandon,
    patience=_PATIENCE,
)
