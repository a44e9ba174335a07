"""Waiting until a machine is in a state: the API holds each wait for up to a minute, so long ones are several."""

from __future__ import annotations

import time

from caddis.client.machines import LONGEST_WAIT, get_machine, wait_for
from caddis.client.transport import Client
from caddis.client.volumes import get_volume
from caddis.domain.errors import NotFound, Problem, TimedOut

_LOOK_EVERY = 10  # seconds of one wait, so that a machine that ended is seen soon
_POLL_SECONDS = 0.25


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


def await_started(client: Client, app: str, machine: str, *, seconds: float) -> None:
    """Until it runs, or has run to its end. Problem when it cannot be started, TimedOut after `seconds`."""
    over = time.monotonic() + seconds
    while time.monotonic() < over:
        try:
            client.send(wait_for(app, machine, ("started", "failed"), seconds=_LOOK_EVERY))
        except TimedOut:
            pass
        except NotFound:
            return  # it ran, and destroyed itself
        now = client.send(get_machine(app, machine))
        if now["state"] == "failed":
            raise Problem(
                f"machine {machine} was made and could not be started", hint=f"fly logs -a {app} --machine {machine}"
            )
        if now["state"] in ("started", "stopped", "destroying", "destroyed"):
            return
    raise TimedOut(
        f"machine {machine} was made and did not start within {seconds:g} s",
        hint=f"fly machine status {machine} -a {app}",
    )


def await_volume(client: Client, app: str, volume: str, *, seconds: float = 600.0) -> None:
    """Until it can be attached: one that is filled from a snapshot of another host takes its time."""
    over = time.monotonic() + seconds
    while client.send(get_volume(app, volume))["state"] != "created":
        if time.monotonic() > over:
            raise TimedOut(f"volume {volume} was not ready within {seconds:g} s", hint=f"fly volumes list -a {app}")
        time.sleep(_POLL_SECONDS)
