"""`fly orgs create`: refused, an installation has one organization."""

from __future__ import annotations

from caddis.cli.call import Call
from caddis.cli.flags import JSON, YES
from caddis.cli.verb import at_most, verb
from caddis.domain.errors import Missing


def run(_call: Call) -> None:
    """Always refused, saying what there is instead."""
    raise Missing(
        "an installation has one organization, and no second one can be created: tokens reach it all or one app",
        hint="fly tokens create deploy -a APP",
    )


COMMAND = verb(
    run,
    usage="create [name]",
    long="Refused: an installation has one organization. Who is to reach a single app gets a token for it.",
    examples=("fly orgs create second  # refused, and says what there is instead",),
    flags=(YES, JSON),
    count=at_most(1),
)
