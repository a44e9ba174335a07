"""volume.erase: key and data are gone for good. There is no way back, so it only goes forward."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from caddis.agent.book import Writer
from caddis.agent.world import World
from caddis.domain.errors import Conflict
from caddis.domain.volume import VolumeState
from caddis.journal.operation import Context, Operation, Step


def _reserve(book: sqlite3.Connection, inputs: Mapping[str, Any]) -> None:
    writer = Writer(book)
    volume = writer.get_volume(inputs["id"])
    if volume.state is not VolumeState.PENDING_DESTROY:
        raise Conflict(f"volume {volume.id} is {volume.state}: only a destroyed volume can be erased")
    writer.put_volume(replace(volume, state=VolumeState.DESTROYING, wrapped_key=None))


def _finish(book: sqlite3.Connection, context: Context[World]) -> None:
    writer = Writer(book)
    volume = writer.find_volume(context.inputs["id"])
    if volume is not None:
        writer.delete_volume(volume.id, volume.app)


VOLUME_ERASE: Operation[World] = Operation(
    name="volume.erase/1",
    reserve=_reserve,
    steps=(
        Step("unmount", lambda context: context.world.volumes.unmount(context.inputs["id"])),
        Step("erase", lambda context: context.world.volumes.erase(context.inputs["id"])),
    ),
    finish=_finish,
    forward_only=True,
)
