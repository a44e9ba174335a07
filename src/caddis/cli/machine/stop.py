"""`fly machine stop [id ...]`."""

from __future__ import annotations

from caddis.cli.call import Call
from caddis.cli.flags import APP_FLAGS, number, text
from caddis.cli.machine.selection import choose_app, chosen_machines, leased
from caddis.cli.machine.waiting import wait_until
from caddis.cli.verb import any_number, verb
from caddis.client.machines import stop_machine


def run(call: Call) -> None:
    """One after the other; with --wait-timeout until each has stopped."""
    app, patience = choose_app(call), call.number("wait-timeout")
    for machine in chosen_machines(call, app):
        call.say(f"Sending kill signal to machine {machine}...")
        with leased(call, app, machine) as nonce:
            signal, seconds = call.text("signal"), call.number("timeout")
            call.send(stop_machine(app, machine, signal=signal, seconds=seconds, nonce=nonce))
            if patience:
                wait_until(call.client, app, machine, "stopped", seconds=patience)
        call.say(f"{machine} has been successfully stopped")


LONG = """Stop one or more machines: the signal first, SIGKILL when its time is over.

A stopped machine keeps its volume, its address and its place. It stays stopped, also over a reboot of its host, until
it is started."""

COMMAND = verb(
    run,
    usage="stop [id ...]",
    long=LONG,
    examples=(
        "fly machine stop 0123456789abcd -a web",
        "fly machine stop 0123456789abcd --signal SIGTERM --timeout 30 -w 60  # and wait until it has stopped",
    ),
    flags=(
        *APP_FLAGS,
        text("signal", "s", help="Signal to stop the machine with, such as SIGTERM"),
        number("timeout", help="Seconds to wait before sending SIGKILL"),
        number("wait-timeout", "w", help="Seconds to wait until the machine has stopped; 0 does not wait"),
    ),
    count=any_number,
)
