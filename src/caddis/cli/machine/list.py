"""`fly machine list` (facts: cli-deploy-launch 5.4)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from caddis.cli.call import Call
from caddis.cli.flags import APP_FLAGS, JSON, switch
from caddis.cli.machine.show_machine import config_of, group_of, image_of, metadata_of, passing_of, size_of, volume_of
from caddis.cli.tables import as_json, table
from caddis.cli.verb import at_most, verb
from caddis.client.machines import list_machines

HEADER = (
    "ID",
    "Name",
    "State",
    "Checks",
    "Region",
    "Role",
    "Image",
    "IP Address",
    "Volume",
    "Created",
    "Last Updated",
    "Process Group",
    "Size",
)


def run(call: Call) -> None:
    """The table, the JSON array, or ids only."""
    app = call.app()
    machines = call.send(list_machines(app))
    if call.json:
        call.say(as_json(machines), end="")
    elif not machines:
        call.say(f"No machines are available on this app {app}")
    elif call.switch("quiet"):
        call.say("".join(f" {machine['id']} \n" for machine in machines), end="")
    else:
        call.say(f"{len(machines)} machines have been retrieved from app {app}.\n")
        call.say(table(HEADER, [_row(machine) for machine in machines], title=app), end="")
        if any(machine.get("host_status", "ok") != "ok" for machine in machines):
            call.say("* These machines' hosts could not be reached.")


def _row(machine: Mapping[str, Any]) -> list[str]:
    away = machine.get("host_status", "ok") != "ok"
    config = config_of(machine)
    return [
        f"{machine['id']}{'*' if away else ''}",
        str(machine.get("name", "")),
        str(machine["state"]),
        passing_of(machine),
        str(machine["region"]),
        str(metadata_of(machine).get("role", "")),
        image_of(machine),
        str(machine.get("private_ip") or ""),
        volume_of(machine),
        str(machine.get("created_at", "")),
        str(machine.get("updated_at", "")),
        group_of(machine),
        size_of(machine) if config else "",
    ]


COMMAND = verb(
    run,
    usage="list",
    examples=("fly machine list -a web", "fly machine list -q  # ids only"),
    flags=(*APP_FLAGS, JSON, switch("quiet", "q", help="Only list machine ids")),
    count=at_most(0),
)
