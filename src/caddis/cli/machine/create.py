"""`fly machine create <image or path> [command…]`: as run, but not started (facts: cli-deploy-launch 5.1)."""

from __future__ import annotations

from caddis.cli.call import Call
from caddis.cli.machine.making.flags import new_flags
from caddis.cli.verb import at_least, verb


def run(call: Call) -> None:
    """Created, and left at rest."""
    from caddis.cli.machine.making.launching import make_machine

    make_machine(call, start=False)


COMMAND = verb(
    run,
    usage="create <image> [command]",
    long="Create a machine without starting it: `fly machine start` does that.",
    examples=("fly machine create docker.io/library/nginx:latest -a web -v my_data:/usr/share/nginx/html",),
    flags=new_flags(),
    count=at_least(1),
)
