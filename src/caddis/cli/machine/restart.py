"""`fly machine restart [id ...]` (facts: cli-deploy-launch 5.4)."""

from __future__ import annotations

from caddis.cli.call import Call
from caddis.cli.flags import APP_FLAGS, number, switch, text
from caddis.cli.machine.making.launching import await_checks
from caddis.cli.machine.selection import choose_app, chosen_machines, get_one, leased
from caddis.cli.machine.waiting import wait_until
from caddis.cli.verb import any_number, verb
from caddis.client.machines import restart_machine

START_SECONDS = 300.0


def run(call: Call) -> None:
    """One after the other, each until it runs again and is healthy."""
    app = choose_app(call)
    for name in chosen_machines(call, app):
        call.say(f"Restarting machine {name}")
        with leased(call, app, name) as nonce:
            request = restart_machine(
                app,
                name,
                signal=call.text("signal"),
                seconds=call.number("time"),
                force=call.switch("force"),
                nonce=nonce,
            )
            call.send(request)
            wait_until(call.client, app, name, "started", seconds=START_SECONDS)
            if not call.switch("skip-health-checks"):
                await_checks(call, app, get_one(call, app, name))
        call.say(f"Machine {name} restarted successfully!")


LONG = """Restart one or more machines, one after the other.

Each is stopped as its config says (--signal and --time override it) and waited for until it runs again. The root file
system is made anew from the image; the volume stays."""

COMMAND = verb(
    run,
    usage="restart [id ...]",
    long=LONG,
    examples=(
        "fly machine restart 0123456789abcd -a web",
        "fly machine restart 0123456789abcd --signal SIGTERM --time 30  # half a minute to end by itself",
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
