"""`fly regions list` (facts: cli-deploy-launch 9)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from caddis.cli.call import Call
from caddis.cli.flags import APP_FLAGS, JSON
from caddis.cli.machine.show_machine import group_of, is_managed
from caddis.cli.tables import as_json
from caddis.cli.verb import at_most, verb
from caddis.client.machines import list_machines


def run(call: Call) -> None:
    """A line for each process group."""
    app = call.app()
    groups = regions_by_group(call.send(list_machines(app)))
    if call.json:
        found = [{"Name": group, "Regions": regions} for group, regions in groups.items()]
        call.say(as_json({"ProcessGroupRegions": found}), end="")
        return
    if not groups:
        call.say(f"No machines are available on this app {app}")
    for group, regions in groups.items():
        call.say(f"Regions [{group}]: {', '.join(regions)}")


def regions_by_group(machines: Sequence[Mapping[str, Any]]) -> dict[str, list[str]]:
    """Of machines that deploys manage, sorted."""
    pairs = {(group_of(machine), str(machine["region"])) for machine in machines if is_managed(machine)}
    groups = sorted({group for group, _ in pairs})
    return {group: sorted(region for name, region in pairs if name == group) for group in groups}


COMMAND = verb(
    run,
    usage="list",
    long="List the regions where an app's machines are, by process group.",
    examples=("fly regions list -a web", "fly regions list -a web --json"),
    flags=(*APP_FLAGS, JSON),
    count=at_most(0),
)
