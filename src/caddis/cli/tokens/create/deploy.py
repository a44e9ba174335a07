"""`fly tokens create deploy`, also as `fly tokens deploy`."""

from __future__ import annotations

from caddis.cli.call import Call
from caddis.cli.flags import APP_FLAGS
from caddis.cli.tokens.create.make import flags, make
from caddis.cli.verb import at_most, verb


def run(call: Call) -> None:
    """For one app, and nothing else."""
    make(call, "deploy", app=call.app())


COMMAND = verb(
    run,
    usage="deploy",
    long="Create a token that deploys one app and sees to its machines, volumes and secrets. It reaches no other app,"
    " and cannot destroy its own. It is shown once.",
    examples=(
        "fly tokens create deploy -a web -n ci -x 8760h  # for a year",
        'FLY_API_TOKEN="$TOKEN" fly deploy  # how a build server uses it',
    ),
    flags=(*APP_FLAGS, *flags("flyctl deploy token")),
    count=at_most(0),
)
