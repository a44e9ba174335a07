"""`fly platform vm-sizes` (facts: cli-deploy-launch 9). Asks nothing of the server."""

from __future__ import annotations

from caddis.cli.call import Call
from caddis.cli.flags import JSON
from caddis.cli.tables import as_json, table
from caddis.cli.verb import at_most, verb
from caddis.wire.vm_size import VM_SIZES


def run(call: Call) -> None:
    """The presets."""
    sizes = list(VM_SIZES.values())
    if call.json:
        fields = [
            {
                "name": size.name,
                "cpu_kind": size.guest.cpu_kind,
                "cpus": size.guest.cpus,
                "memory_mb": size.guest.memory_mb,
            }
            for size in sizes
        ]
        call.say(as_json(fields), end="")
        return
    rows = [[size.name, str(size.guest.cpus), f"{size.guest.memory_mb} MB"] for size in sizes]
    call.say(table(("Name", "CPU Cores", "Memory"), rows, title="Machines platform"), end="")


COMMAND = verb(
    run,
    usage="vm-sizes",
    long="List the sizes of machines that --vm-size takes. Memory and CPUs can also be given by themselves.",
    examples=("fly platform vm-sizes", "fly platform vm-sizes --json"),
    flags=(JSON,),
    count=at_most(0),
)
