"""`fly tokens create org`."""

from __future__ import annotations

from caddis.cli.call import Call
from caddis.cli.flags import ORG
from caddis.cli.tokens.create.make import flags, make
from caddis.cli.verb import at_most, verb


def run(call: Call) -> None:
    """For all of the organization."""
    make(call, "org", organization=call.text("org") or (call.arguments[0] if call.arguments else ""))


COMMAND = verb(
    run,
    usage="org [org]",
    long="Create a token for the whole organization: it may do everything there, tokens included. It is shown once.",
    examples=("fly tokens create org -n anna -x 720h",),
    flags=(ORG, *flags("Org deploy token")),
    count=at_most(1),
)
