"""`fly scale memory MB` (facts: cli-deploy-launch 4.3)."""

from __future__ import annotations

from dataclasses import replace

from caddis.cli.call import Call
from caddis.cli.flags import APP_FLAGS
from caddis.cli.guest import megabytes
from caddis.cli.scale.resize import resize, tell_size
from caddis.cli.scale.vm import GROUP
from caddis.cli.verb import exactly, verb


def run(call: Call) -> None:
    """Kind and number of CPUs stay."""
    memory = megabytes(call.arguments[0])
    tell_size(call, resize(call, lambda now: replace(now, memory_mb=memory)))


COMMAND = verb(
    run,
    usage="memory <megabytes>",
    long="Give the machines of a process group more or less memory. They are restarted, one after the other.",
    examples=("fly scale memory 512", "fly scale memory 2gb --process-group worker"),
    flags=(*APP_FLAGS, GROUP),
    count=exactly(1),
)
