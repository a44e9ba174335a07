"""machine.teardown: give back what a launch took. It only goes forward: what is busy is tried again."""

from __future__ import annotations

import sqlite3
from dataclasses import replace

from caddis.agent.book import Writer
from caddis.agent.operations.machine_launch import delete_container, disconnect, unmount_root, unmount_volumes
from caddis.agent.world import World
from caddis.domain.errors import Conflict
from caddis.journal.operation import Context, Operation, Retry, Step

_AGAIN = 0.2  # seconds


def _unmount_volumes(context: Context[World]) -> None:
    _observe_usage(context)
    try:
        unmount_volumes(context)
    except Conflict as busy:
        raise Retry(_AGAIN, busy) from busy


def _observe_usage(context: Context[World]) -> None:
    machine = context.world.book.get_machine(context.inputs["machine"])
    for mount in machine.config.mounts:
        usage = context.world.volumes.observe_usage(mount.volume)
        if usage is not None:
            context.world.book.write(
                lambda writer, id=mount.volume, usage=usage: writer.put_volume(  # type: ignore[misc]
                    replace(writer.get_volume(id), usage=usage)
                )
            )


def _unmount_root(context: Context[World]) -> None:
    try:
        unmount_root(context)
    except Conflict as busy:
        raise Retry(_AGAIN, busy) from busy


def _finish(book: sqlite3.Connection, context: Context[World]) -> None:
    writer = Writer(book)
    machine = writer.get_machine(context.inputs["machine"])
    writer.put_machine(replace(machine, torn_down=context.inputs["launch"]))


TEARDOWN_STEPS: tuple[Step[World], ...] = (
    Step("process", delete_container),
    Step("network", disconnect),
    Step("root", _unmount_root),
    Step("volumes", _unmount_volumes),
)

MACHINE_TEARDOWN: Operation[World] = Operation(
    name="machine.teardown/1", steps=TEARDOWN_STEPS, finish=_finish, forward_only=True
)
