"""`fly scale vm SIZE` (facts: cli-deploy-launch 4.3)."""

from __future__ import annotations

from caddis.cli.call import Call
from caddis.cli.flags import APP_FLAGS, Flag, Kind
from caddis.cli.guest import megabytes
from caddis.cli.scale.resize import resize, tell_size
from caddis.cli.verb import exactly, verb
from caddis.domain.machine import Guest
from caddis.wire.vm_size import get_size

GROUP = Flag(name="process-group", kind=Kind.TEXT, short="g", help="The process group to scale", aliases=("group",))


def run(call: Call) -> None:
    """A preset, with its own memory unless --vm-memory says another."""
    preset = get_size(call.arguments[0], field="size").guest
    memory = megabytes(call.text("vm-memory")) if call.given("vm-memory") else preset.memory_mb
    wanted = Guest(cpu_kind=preset.cpu_kind, cpus=preset.cpus, memory_mb=memory)
    tell_size(call, resize(call, lambda _now: wanted))


COMMAND = verb(
    run,
    usage="vm <size>",
    long="Give the machines of a process group another size. They are restarted, one after the other; volumes stay.",
    examples=(
        "fly scale vm shared-cpu-2x  # two shared CPUs, and the memory that belongs to them",
        "fly scale vm performance-1x --vm-memory 4096 -g web",
    ),
    flags=(
        *APP_FLAGS,
        Flag(name="vm-memory", kind=Kind.TEXT, help="Memory in megabytes, or as 512mb or 1gb", aliases=("memory",)),
        GROUP,
    ),
    count=exactly(1),
)
