"""`fly machine restart [id ...]`."""

from __future__ import annotations

from caddis.cli.call import Call
from caddis.cli.flags import APP_FLAGS, number, switch, text
from caddis.cli.machine.selection import chosen_machines, leased
from caddis.cli.machine.waiting import wait_until
from caddis.cli.verb import any_number, verb
from caddis.client.machines import restart_machine

START_SECONDS = 300.0


def run(call: Call) -> None:
    """One after the other, each until it runs again."""
    app = call.app()
    for machine in chosen_machines(call, app):
        call.say(f"Restarting machine {machine}")
        with leased(call, app, machine) as nonce:
            call.send(
                restart_machine(
                    app,
                    machine,
                    signal=call.text("signal"),
                    seconds=call.number("time"),
                    force=call.switch("force"),
                    nonce=nonce,
                )
            )
            wait_until(call.client, app, machine, "started", seconds=START_SECONDS)
        call.say(f"Machine {machine} restarted successfully!")


COMMAND = verb(
    run,
    usage="restart [id ...]",
    flags=(
        *APP_FLAGS,
        text("signal", "s", help="Signal to stop the machine with"),
        number("time", help="Seconds to wait before killing the machine"),
        switch("force", help="Force stop the machine(s)"),
        switch("skip-health-checks", help="Do not wait for health checks"),
    ),
    count=any_number,
)
