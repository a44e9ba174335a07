"""Starting the machines whose schedule says so."""

from __future__ import annotations

from caddis.agent.clock import steady_now
from caddis.agent.supervisor import Supervisor
from caddis.agent.threads import in_thread
from caddis.domain.cadence import find_slot
from caddis.domain.errors import Problem
from caddis.domain.life import ScheduleDue
from caddis.telemetry.log import note


async def start_scheduled(supervisor: Supervisor) -> None:
    """Look at every machine once; one that runs when its time comes is left alone."""
    now = await in_thread(steady_now, supervisor.world)
    for machine in await in_thread(supervisor.world.book.list_machines):
        slot = find_slot(machine, now)
        if slot is not None:
            try:
                await supervisor.feed(machine.id, ScheduleDue(slot))
            except Problem as problem:  # it is being destroyed
                note("a scheduled machine was not started", machine=machine.id, why=problem.message)
