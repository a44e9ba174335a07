"""`fly machine uncordon [id ...]` (facts: cli-deploy-launch 5.4)."""

from __future__ import annotations

from caddis.cli.call import Call
from caddis.cli.flags import APP_FLAGS
from caddis.cli.machine.selection import choose_app, chosen_machines, leased
from caddis.cli.verb import any_number, verb
from caddis.client.machines import set_cordoned


def run(call: Call) -> None:
    """One after the other; the first failure stops."""
    app = choose_app(call)
    for machine in chosen_machines(call, app):
        call.say(f"Uncordoning machine {machine}...", end="")
        with leased(call, app, machine) as nonce:
            call.send(set_cordoned(app, machine, cordoned=False, nonce=nonce))
        call.say(" done!")


COMMAND = verb(
    run,
    usage="uncordon [machine id ...]",
    long="Let traffic to machines that were cordoned.",
    examples=("fly machine uncordon 0123456789abcd -a web",),
    flags=APP_FLAGS,
    count=any_number,
)
