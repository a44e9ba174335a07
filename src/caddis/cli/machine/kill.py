"""`fly machine kill [id]`: SIGKILL to what runs inside (facts: cli-deploy-launch 5.4)."""

from __future__ import annotations

from signal import SIGKILL

from caddis.cli.call import Call
from caddis.cli.flags import APP_FLAGS
from caddis.cli.machine.selection import choose_app, chosen_machine, get_one
from caddis.cli.verb import at_most, verb
from caddis.client.machines import signal_machine


def run(call: Call) -> None:
    """No lease is asked for: this is for when everything else hangs."""
    app = choose_app(call)
    machine = str(get_one(call, app, chosen_machine(call, app, call.arguments))["id"])
    call.send(signal_machine(app, machine, int(SIGKILL)))
    call.say("kill signal has been sent")


COMMAND = verb(
    run,
    usage="kill [machine id]",
    long="Kill what runs in a machine. Its restart policy decides whether it is started again; `fly machine stop -s"
    " SIGKILL` leaves it stopped.",
    examples=("fly machine kill 0123456789abcd -a web",),
    flags=APP_FLAGS,
    count=at_most(1),
)
