"""`fly machine suspend [id ...]` (facts: cli-deploy-launch 5.4): the server says whether what runs machines can."""

from __future__ import annotations

from caddis.cli.call import Call
from caddis.cli.flags import APP_FLAGS, number
from caddis.cli.machine.selection import choose_app, chosen_machines, leased
from caddis.cli.machine.waiting import wait_until
from caddis.cli.verb import any_number, verb
from caddis.client.machines import suspend_machine


def run(call: Call) -> None:
    """One after the other; the first failure stops."""
    app, patience = choose_app(call), call.number("wait-timeout")
    for machine in chosen_machines(call, app):
        with leased(call, app, machine) as nonce:
            call.send(suspend_machine(app, machine, nonce=nonce))
            if patience:
                wait_until(call.client, app, machine, "suspended", seconds=patience)
        call.say(f"{machine} has been suspended")


COMMAND = verb(
    run,
    usage="suspend [machine id ...]",
    examples=("fly machine suspend 0123456789abcd -a web",),
    flags=(*APP_FLAGS, number("wait-timeout", "w", help="Seconds to wait until it is suspended; 0 does not wait")),
    count=any_number,
)
