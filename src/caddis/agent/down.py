"""Taking a host down: every machine is stopped, to start again when the host is back, and everything is detached."""

from __future__ import annotations

import asyncio

from caddis.agent.supervisor import Supervisor
from caddis.agent.threads import in_thread
from caddis.domain.errors import Problem, TimedOut
from caddis.domain.life import RESTING, HostGoesDown
from caddis.domain.machine import Machine, MachineState
from caddis.telemetry.log import note

_GRACE = 60.0  # seconds beyond the longest kill timeout


async def stop_machines(supervisor: Supervisor) -> list[str]:
    """Stop every machine and tear it down; the ids of those that ran. TimedOut names those that would not end."""
    machines = await in_thread(supervisor.world.book.list_machines)
    running = [machine for machine in machines if machine.state not in RESTING]
    for machine in machines:
        try:
            await supervisor.feed(machine.id, HostGoesDown())
        except Problem as problem:
            note("cannot be stopped now", machine=machine.id, why=problem.message)
        await asyncio.sleep(0)
    patience = _GRACE + max((machine.config.stop_config.timeout for machine in running), default=0.0)

    def look() -> bool | None:
        return None if _not_at_rest(supervisor) else True

    if not await supervisor.changes.wait_until(look, patience):
        left = ", ".join(machine.id for machine in _not_at_rest(supervisor))
        raise TimedOut(f"these machines did not stop within {patience:.0f} seconds: {left}")
    return [machine.id for machine in running]


def _not_at_rest(supervisor: Supervisor) -> list[Machine]:
    return [
        machine
        for machine in supervisor.world.book.list_machines()
        if machine.state is not MachineState.DESTROYED
        and (machine.state not in RESTING or machine.torn_down < machine.launch)
    ]
