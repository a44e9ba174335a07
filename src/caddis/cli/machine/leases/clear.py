"""`fly machine leases clear [id ...]` (facts: machines-api 4.8)."""

from __future__ import annotations

from caddis.cli.call import Call
from caddis.cli.flags import APP_FLAGS
from caddis.cli.machine.leases.view import find_leases
from caddis.cli.machine.selection import choose_app, chosen_machines
from caddis.cli.verb import any_number, verb
from caddis.client.machines import release_lease


def run(call: Call) -> None:
    """What held them finds its next change refused."""
    app = choose_app(call)
    for machine, lease in find_leases(call, app, chosen_machines(call, app)).items():
        call.say(f"clearing lease for machine {machine}")
        call.send(release_lease(app, machine, nonce=str(lease["data"]["nonce"])))
    call.say("Lease(s) cleared")


COMMAND = verb(
    run,
    usage="clear [machine id ...]",
    long="Take the lease of a machine away from who holds it, such as a deploy that was killed. Leases end by"
    " themselves within minutes.",
    examples=("fly machine leases clear 0123456789abcd -a web",),
    flags=APP_FLAGS,
    count=any_number,
)
