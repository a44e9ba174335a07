"""`fly machine update [id]` (facts: cli-deploy-launch 5.2)."""

from __future__ import annotations

from caddis.cli.call import Call
from caddis.cli.flags import YES, number, switch, text
from caddis.cli.machine.making.flags import config_flags
from caddis.cli.verb import at_most, verb


def run(call: Call) -> None:
    """Look, show what would change, ask, and change it."""
    from caddis.cli.machine.making.updating import update_one

    update_one(call)


COMMAND = verb(
    run,
    usage="update [machine id]",
    long="Change a machine's config. What would change is shown first; a running machine is restarted into it.",
    examples=(
        "fly machine update 0123456789abcd --image web:2 -a web",
        "fly machine update 0123456789abcd --vm-memory 512 --env LOG=debug --yes",
        "fly machine update 0123456789abcd --mount-point /srv/data  # its volume appears elsewhere",
    ),
    flags=(
        text("image", "i", help="Another image"),
        text("command", "C", help="Instead of the image's CMD"),
        text("mount-point", help="Where its volume appears"),
        switch("skip-start", help="Leave it stopped"),
        switch("skip-health-checks", help="Do not wait for health checks"),
        number("wait-timeout", help="Seconds to wait until it runs", default=300),
        YES,
        *config_flags(),
    ),
    count=at_most(1),
)
