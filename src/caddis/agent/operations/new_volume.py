"""What every operation that brings a volume into being has in common: its row, its key, its end and its undoing.

Such an operation has the volume in its inputs as `volume`, and what the pool can promise in all as `capacity_bytes`.
"""

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
from caddis.journal.operation import Context


def reserve_volume(book: sqlite3.Connection, inputs: Mapping[str, Any]) -> None:
    """Write the volume down and promise its space; Conflict or NoCapacity with nothing written."""
    writer, volume = Writer(book), load_volume(inputs["volume"])
    if writer.find_volume(volume.id) is not None:
        raise Conflict(f"volume {volume.id} exists already")
    check_pool(writer, inputs["capacity_bytes"], volume.size_gb, f"for a volume of {volume.size_gb} GB")
    writer.put_volume(volume)


def make_key(context: Context[World]) -> str | None:
    """The step `key` of a volume that begins empty."""
    volume = load_volume(context.inputs["volume"])
    return context.world.volumes.make_key(volume.id) if volume.encrypted else None


def made_volume(context: Context[World]) -> Volume:
    """The volume of the inputs as it will be: with its key, and created."""
    volume = load_volume(context.inputs["volume"])
    return replace(volume, wrapped_key=context.results.get("key"), state=VolumeState.CREATED)


def allocate_volume(context: Context[World]) -> None:
    """The step `allocate`."""
    volume = load_volume(context.inputs["volume"])
    context.world.volumes.allocate(volume.id, volume.size_gb)


def erase_volume(context: Context[World]) -> None:
    """The undoing of every step that put something into the pool."""
    volume = load_volume(context.inputs["volume"])
    context.world.volumes.unmount(volume.id)
    context.world.volumes.erase(volume.id)


def finish_volume(book: sqlite3.Connection, context: Context[World]) -> None:
    """Write down that it is there."""
    Writer(book).put_volume(made_volume(context))


def abandon_volume(book: sqlite3.Connection, context: Context[World], _problem: Problem) -> None:
    """Forget it."""
    volume = load_volume(context.inputs["volume"])
    Writer(book).delete_volume(volume.id, volume.app)
