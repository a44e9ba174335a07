"""`fly machine run <image or path> [command…]` (facts: cli-deploy-launch 5.1)."""

from __future__ import annotations

from caddis.cli.call import Call
from caddis.cli.machine.making.flags import new_flags
from caddis.cli.verb import at_least, verb


def run(call: Call) -> None:
    """Created, started, and seen to run."""
    from caddis.cli.machine.making.launching import make_machine

    make_machine(call, start=True)


COMMAND = verb(
    run,
    usage="run <image> [command]",
    long="Run a machine of an image, or of a folder (. or /path) whose Dockerfile is built. Words after -- go to the"
    " program.",
    examples=(
        "fly machine run docker.io/library/nginx:latest -a web -p 80:80/tcp:http",
        "fly machine run . -a web -v my_data:/data  # build this folder; mount a free volume of that name",
        "fly machine run docker.io/library/alpine:3 -a jobs --rm -- sh -c 'echo done'",
    ),
    flags=new_flags(),
    count=at_least(1),
)
