"""`fly scale show` (facts: cli-deploy-launch 4.2)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from caddis.cli.call import Call
from caddis.cli.flags import APP_FLAGS, JSON
from caddis.cli.machine.show_machine import config_of
from caddis.cli.scale.observe import observe
from caddis.cli.scale.resize import group_names_of
from caddis.cli.tables import as_json, table
from caddis.cli.verb import at_most, verb

Wire = Mapping[str, Any]


def run(call: Call) -> None:
    """Per process group: how many machines, of which size (the first one's), and where."""
    app = call.app()
    observed = observe(call, app)
    groups = {group: observed.of_group(group) for group in group_names_of(observed)}
    if call.json:
        call.say(as_json([_document(group, machines) for group, machines in groups.items()]), end="")
        return
    call.say(f"VM Resources for app: {app}\n")
    header = ("Name", "Count", "Kind", "CPUs", "Memory", "Regions")
    call.say(table(header, [_row(group, machines) for group, machines in groups.items()], title="Groups"), end="")


def _document(group: str, machines: Sequence[Wire]) -> dict[str, Any]:
    guest = config_of(machines[0]).get("guest") or {}
    return {
        "Process": group,
        "Count": len(machines),
        "CPUKind": guest.get("cpu_kind", ""),
        "CPUs": guest.get("cpus", 0),
        "Memory": guest.get("memory_mb", 0),
        "Regions": dict(sorted(Counter(str(machine["region"]) for machine in machines).items())),
    }


def _row(group: str, machines: Sequence[Wire]) -> list[str]:
    told = _document(group, machines)
    regions = ",".join(f"{code}({count})" if count > 1 else code for code, count in told["Regions"].items())
    return [group, str(told["Count"]), told["CPUKind"], str(told["CPUs"]), f"{told['Memory']} MB", regions]


COMMAND = verb(
    run,
    usage="show",
    examples=("fly scale show -a web  # sizes, counts and regions of every process group",),
    flags=(*APP_FLAGS, JSON),
    count=at_most(0),
)
