"""`fly machine leases view [id ...]` (facts: machines-api 4.8)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from caddis.cli.call import Call
from caddis.cli.flags import APP_FLAGS, JSON
from caddis.cli.machine.selection import choose_app, get_one
from caddis.cli.tables import as_json, table
from caddis.cli.verb import any_number, verb
from caddis.client.machines import get_lease, list_machines
from caddis.domain.errors import NotFound


def run(call: Call) -> None:
    """Of those that are named, else of all machines of the app."""
    leases = find_leases(call, choose_app(call), call.arguments)
    if call.json:
        call.say(as_json(leases), end="")
        return
    if not leases:
        call.say("No leases found")
        return
    rows = [
        [machine, lease["data"]["nonce"], lease["status"], lease["data"].get("owner") or "", _end(lease)]
        for machine, lease in leases.items()
    ]
    call.say(table(("Machine", "Nonce", "Status", "Owner", "Expires"), rows), end="")


def find_leases(call: Call, app: str, machines: Sequence[str]) -> dict[str, Mapping[str, Any]]:
    """By machine; those that nobody holds are left out."""
    named = [str(get_one(call, app, machine)["id"]) for machine in machines]
    found = {}
    for machine in named or [str(one["id"]) for one in call.send(list_machines(app))]:
        try:
            found[machine] = call.send(get_lease(app, machine))
        except NotFound:
            continue
    return found


def _end(lease: Mapping[str, Any]) -> str:
    return datetime.fromtimestamp(int(lease["data"]["expires_at"]), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


COMMAND = verb(
    run,
    usage="view [machine id ...]",
    examples=("fly machine leases view -a web  # who is changing which machine",),
    flags=(*APP_FLAGS, JSON),
    count=any_number,
)
