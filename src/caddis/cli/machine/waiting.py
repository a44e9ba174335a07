"""Waiting until a machine is in a state: the API holds each wait for up to a minute, so long ones are several."""

from __future__ import annotations

import time

from caddis.client.machines import LONGEST_WAIT, get_machine, wait_for
from caddis.client.transport import Client
from caddis.domain.errors import NotFound, TimedOut


def wait_until(client: Client, app: str, machine: str, state: str, *, seconds: float) -> None:
    """TimedOut, with the state it is in, after `seconds`."""
    over = time.monotonic() + seconds
    while True:
        left = over - time.monotonic()
        if left <= 0:
            break
        try:
            client.send(wait_for(app, machine, (state,), seconds=min(LONGEST_WAIT, int(left) + 1)))
            return
        except TimedOut:
            continue
        except NotFound:
            if state == "destroyed":
                return
            raise
    now = client.send(get_machine(app, machine))["state"]
    raise TimedOut(
        f"machine {machine} did not become {state} within {seconds:g} s: it is {now}",
        hint=f"fly logs -a {app} --machine {machine}",
    )
