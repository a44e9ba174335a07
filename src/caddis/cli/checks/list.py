"""`fly checks list` (facts: cli-deploy-launch 9)."""

from __future__ import annotations

from caddis.cli.call import Call
from caddis.cli.flags import APP_FLAGS, JSON, text
from caddis.cli.machine.show_machine import checks_of, since
from caddis.cli.tables import as_json, ruled_table
from caddis.cli.verb import at_most, verb
from caddis.client.apps import get_app
from caddis.client.machines import list_machines

HEADER = ("Name", "Status", "Machine", "Last Updated", "Output")


def run(call: Call) -> None:
    """Every machine's checks, by machine and name; as JSON, a map from machines to checks."""
    app, wanted = call.app(), call.text("check-name")
    call.send(get_app(app))
    found = {
        str(machine["id"]): [check for check in checks_of(machine) if wanted in ("", check["name"])]
        for machine in sorted(call.send(list_machines(app)), key=lambda one: str(one["id"]))
    }
    if call.json:
        call.say(as_json(found), end="")
        return
    call.say(f"Health Checks for {app}")
    rows = [
        [str(check["name"]), str(check["status"]), machine, since(check), str(check["output"])]
        for machine, checks in found.items()
        for check in checks
    ]
    call.say(ruled_table(HEADER, rows), end="")


COMMAND = verb(
    run,
    usage="list",
    long="""List an app's checks: those of [checks] and of its services, machine by machine.

LAST UPDATED is when the status last changed, not when the check was last made.""",
    examples=(
        "fly checks list -a web",
        "fly checks list --check-name servicecheck-00-http-8080",
        "fly checks list -j  # a map from machines to their checks",
    ),
    flags=(*APP_FLAGS, text("check-name", help="Only checks of this name"), JSON),
    count=at_most(0),
)
