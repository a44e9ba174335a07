"""`fly machine start [id ...]`."""

from __future__ import annotations

from caddis.cli.call import Call
from caddis.cli.flags import APP_FLAGS
from caddis.cli.machine.selection import choose_app, chosen_machines, leased
from caddis.cli.verb import any_number, verb
from caddis.client.machines import start_machine


def run(call: Call) -> None:
    """One after the other; the first failure stops."""
    app = choose_app(call)
    for machine in chosen_machines(call, app):
        with leased(call, app, machine) as nonce:
            call.send(start_machine(app, machine, nonce=nonce))
        call.say(f"{machine} has been started")


COMMAND = verb(
    run,
    usage="start [id ...]",
    examples=("fly machine start 0123456789abcd -a web",),
    flags=APP_FLAGS,
    count=any_number,
)
