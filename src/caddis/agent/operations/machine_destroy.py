"""machine.destroy: tear down, let go of the volume, and keep a tombstone that can still be read for a while."""

from __future__ import annotations

import sqlite3
from dataclasses import replace

from caddis.agent.book import Writer
from caddis.agent.operations.common import make_event
from caddis.agent.operations.machine_create import release_volumes
from caddis.agent.operations.machine_teardown import TEARDOWN_STEPS
from caddis.agent.world import World
from caddis.domain.machine import MachineState
from caddis.journal.operation import Context, Operation, Step


def _finish(book: sqlite3.Connection, context: Context[World]) -> None:
    writer, now = Writer(book), context.world.now()
    machine = writer.get_machine(context.inputs["machine"])
    release_volumes(writer, machine)
    writer.delete_lease(machine.id)
    writer.put_machine(
        replace(
            machine,
            state=MachineState.DESTROYED,
            torn_down=machine.launch,
            scratch_gb=0,
            sealed_secrets="",
            updated_at=now,
        )
    )
    writer.forget_operations(machine.id)
    writer.add_event(machine.id, make_event("destroy", "destroyed", now, context.world.entropy(), source="user"))


MACHINE_DESTROY: Operation[World] = Operation(
    name="machine.destroy/1",
    steps=(*TEARDOWN_STEPS, Step("log", lambda context: context.world.runtime.forget_log(context.inputs["machine"]))),
    finish=_finish,
    forward_only=True,
)
