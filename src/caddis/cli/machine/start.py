"""`fly machine start [id ...]`."""

from __future__ import annotations

from caddis.cli.call import Call
from caddis.cli.flags import APP_FLAGS
from caddis.cli.machine.selection import chosen_machines, leased
from caddis.cli.verb import any_number, verb
from caddis.client.machines import start_machine


def run(call: Call) -> None:
    """One after the other; the first failure stops."""
    app = call.app()
    for machine in chosen_machines(call, app):
        with leased(call, app, machine) as nonce:
            call.send(start_machine(app, machine, nonce=nonce))
        call.say(f"{machine} has been started")


LONG = """Start one or more machines.

A machine that runs is left alone. It starts with a fresh root file system from its image, and its volume as it was."""

COMMAND = verb(
    run,
    usage="start [id ...]",
    long=LONG,
    examples=(
        "fly machine start 148e21b7c46d89",
        "fly machine start 148e21b7c46d89 5683979ea93958 -a web",
    ),
    flags=APP_FLAGS,
    count=any_number,
)
