"""`fly machine wait [id]` (facts: cli-deploy-launch 5.4)."""

from __future__ import annotations

from caddis.cli.call import Call
from caddis.cli.deploy.options import parse_timeout
from caddis.cli.flags import APP_FLAGS, text
from caddis.cli.machine.selection import choose_app, chosen_machine, get_one
from caddis.cli.machine.waiting import wait_until
from caddis.cli.verb import at_most, verb
from caddis.client.machines import get_machine
from caddis.domain.errors import Invalid, NotFound

STATES = ("started", "stopped", "suspended", "destroyed", "failed", "created", "settled")
_FOR_EVER = 10 * 365 * 86400.0


def run(call: Call) -> None:
    """Ends with 126 when the time is over first."""
    app, state = choose_app(call), call.text("state")
    if state not in STATES:
        raise Invalid(f"--state {state!r} is not a state: use one of {', '.join(STATES)}")
    seconds = parse_timeout(call.text("wait-timeout"), "--wait-timeout")
    machine = str(get_one(call, app, chosen_machine(call, app, call.arguments))["id"])
    wait_until(call.client, app, machine, state, seconds=_FOR_EVER if seconds is None else seconds)
    call.say(f'Machine {machine} reached state "{_state_now(call, app, machine) if state == "settled" else state}"')


def _state_now(call: Call, app: str, machine: str) -> str:
    try:
        return str(call.send(get_machine(app, machine))["state"])
    except NotFound:
        return "destroyed"


COMMAND = verb(
    run,
    usage="wait [machine id]",
    long="Wait until a machine is in a state; settled is any in which it stays by itself.",
    examples=(
        "fly machine wait 0123456789abcd --state stopped -w 10m",
        "fly machine wait 0123456789abcd  # until it has settled",
    ),
    flags=(
        *APP_FLAGS,
        text("state", help="The state to wait for", default="settled"),
        text("wait-timeout", "w", help="How long: 30 (seconds), 5m0s or none", default="5m0s"),
    ),
    count=at_most(1),
)
