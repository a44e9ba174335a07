"""`fly machine destroy [id ...]`: the machine goes, its volume stays."""

from __future__ import annotations

from caddis.cli.call import Call
from caddis.cli.flags import APP_FLAGS, switch
from caddis.cli.machine.selection import chosen_machines, get_one, leased
from caddis.cli.machine.show_machine import volume_of
from caddis.cli.verb import any_number, verb
from caddis.client.machines import destroy_machine
from caddis.domain.errors import Conflict

_RESTING = ("stopped", "suspended", "created", "failed")


def run(call: Call) -> None:
    """Without --force only machines that do not run."""
    app, force = call.app(), call.switch("force")
    for machine in chosen_machines(call, app):
        found = get_one(call, app, machine)
        if found["state"] not in _RESTING and not force:
            raise Conflict(
                f"machine {machine} currently is {found['state']}: stop it first, or use --force",
                hint=f"fly machine stop {machine} -a {app}",
            )
        call.say(f"machine {machine} was found and is currently in {found['state']} state, attempting to destroy...")
        with leased(call, app, machine) as nonce:
            call.send(destroy_machine(app, machine, kill=force, nonce=nonce))
        call.say(f"{machine} has been destroyed")
        if volume_of(found):
            call.note(f"Its volume {volume_of(found)} stays, unattached.")


LONG = """Destroy one or more machines.

Its volume stays, and can be given to another machine. A machine that runs is refused without --force."""

COMMAND = verb(
    run,
    usage="destroy [id ...]",
    long=LONG,
    examples=(
        "fly machine destroy 148e21b7c46d89",
        "fly machine destroy 148e21b7c46d89 --force  # even while it runs",
    ),
    flags=(*APP_FLAGS, switch("force", "f", help="Kill a running machine")),
    count=any_number,
)
