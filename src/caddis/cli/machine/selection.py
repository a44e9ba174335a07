"""Which machines a verb is about, and the lease under which one is changed (facts: machine 5, machines-api 4.8)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from caddis.cli.call import Call
from caddis.client.machines import acquire_lease, find_machine, get_machine, list_machines, release_lease
from caddis.domain.errors import Invalid, NotFound, Problem
from caddis.domain.ids import MACHINE_ID

Wire = Mapping[str, Any]
LEASE_SECONDS = 120


def choose_app(call: Call) -> str:
    """The app that was named, else that of the first machine that was: its id is enough."""
    app = call.find_app()
    if app:
        return app
    if not call.arguments:
        raise Invalid("a machine ID or an app name is required", hint="name the machine, or the app with -a")
    check_id(call.arguments[0], hint="fly machine list -a APP shows them")
    return str(call.send(find_machine(call.arguments[0]))["app_name"])


def check_id(machine: str, *, hint: str) -> None:
    """Invalid unless it looks like a machine's id."""
    if not MACHINE_ID.match(machine):
        raise Invalid(f"{machine!r} is not a machine ID: those are 14 hex digits", hint=hint)


def chosen_machines(call: Call, app: str) -> list[str]:
    """The ids that were named, or one chosen from a menu."""
    return list(call.arguments) or [_choose(call, app)]


def chosen_machine(call: Call, app: str, named: Sequence[str]) -> str:
    """The first of those that were named, or one chosen from a menu."""
    return named[0] if named else _choose(call, app)


def get_one(call: Call, app: str, machine: str) -> Wire:
    """The machine; NotFound, naming the app, when it has none of that id."""
    check_id(machine, hint=f"fly machine list -a {app} shows them.")
    try:
        found: Wire = call.send(get_machine(app, machine))
    except NotFound as absent:
        raise NotFound(
            f"machine {machine} was not found in app '{app}'", hint=f"fly machine list -a {app} shows what it has."
        ) from absent
    return found


@contextmanager
def leased(call: Call, app: str, machine: str) -> Iterator[str]:
    """The nonce of a lease that is given back at the end; NotFound, or LeaseHeld when somebody else is at it."""
    get_one(call, app, machine)
    nonce = str(call.send(acquire_lease(app, machine, ttl=LEASE_SECONDS))["data"]["nonce"])
    try:
        yield nonce
    finally:
        try:
            call.send(release_lease(app, machine, nonce=nonce))
        except Problem:
            pass  # the machine is gone, or the lease ends by itself: nobody needs to hear of it


def _choose(call: Call, app: str) -> str:
    if not call.interactive:
        raise Invalid(
            "a machine ID must be specified when not running interactively",
            hint=f"fly machine list -a {app} shows them.",
        )
    machines = call.send(list_machines(app))
    if not machines:
        raise NotFound(f"the app {app} has no machines")
    from caddis.cli.prompts import select

    lines = [f"{one['id']} {one['name']} ({one['state']}, region {one['region']})" for one in machines]
    return str(machines[select("Select a machine:", lines)]["id"])
