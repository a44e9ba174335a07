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


LONG = """Restart one or more machines, one after the other.

Each is stopped as its config says (--signal and --time override it) and waited for until it runs again. The root file
system is made anew from the image; the volume stays."""

COMMAND = verb(
    run,
    usage="restart [id ...]",
    long=LONG,
    examples=(
        "fly machine restart 148e21b7c46d89",
        "fly machine restart 148e21b7c46d89 --time 30 -a web",
    ),
    flags=(
        *APP_FLAGS,
        text("signal", "s", help="Signal to stop the machine with"),
        number("time", help="Seconds to wait before killing the machine"),
        switch("force", help="Force stop the machine(s)"),
        switch("skip-health-checks", help="Do not wait for health checks"),
    ),
    count=any_number,
)
