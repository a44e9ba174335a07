"""Suspending and resuming: ask the API, then wait until each machine is there, and tell which are not."""

from __future__ import annotations

from caddis.cli.call import Call
from caddis.cli.machine.waiting import wait_until
from caddis.client.request import Request
from caddis.domain.errors import Problem

WAIT_SECONDS = 300.0


def turn(call: Call, app: str, request: Request, *, verb: str, state: str) -> str:
    """ "2 machines stopped"; Problem, naming machines and reasons, when some could not be turned."""
    answer = call.send(request)
    machines: list[str] = answer["machines"]
    for machine in machines:
        wait_until(call.client, app, machine, state, seconds=WAIT_SECONDS)
        call.say(f"Machine {machine} is {state}")
    failed = [f"{one['id']} ({one['error']})" for one in answer["failed"]]
    if failed:
        raise Problem(
            f"app {app} is {answer['status']}, but not these machines: {', '.join(failed)}",
            hint=f"Once that is mended: fly apps {verb} {app}",
        )
    return f"{len(machines)} machine{'' if len(machines) == 1 else 's'} {state}"
