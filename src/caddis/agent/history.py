"""What a decision adds to a machine's history: the events that `fly machine status` lists."""

from __future__ import annotations

from caddis.agent.book import Writer
from caddis.agent.operations.common import make_event
from caddis.domain.life import Ended, LifeEvent, StartAsked
from caddis.domain.machine import Machine, MachineState
from caddis.wire.machine import exit_event


def write_history(writer: Writer, before: Machine, after: Machine, event: LifeEvent, *, entropy: bytes) -> None:
    """Add the line for `event`, which led from `before` to `after`; none for what is no news."""
    changed = before.state is not after.state
    if isinstance(event, Ended) and after.exit is not None:
        request = exit_event(after.exit, restart_count=after.restart_count)
        if event.with_host:
            request["reason"] = "its host went down"
        line = make_event("exit", "stopped", after.exit.at, entropy, request=request)
    elif changed and after.state is MachineState.STARTING:
        source = "user" if isinstance(event, StartAsked) else "flyd"
        line = make_event("start", "starting", after.updated_at, entropy, source=source)
    elif changed and after.state is MachineState.STOPPING:
        line = make_event("stop", "stopping", after.updated_at, entropy, source="user")
    else:
        return
    writer.add_event(after.id, line)
