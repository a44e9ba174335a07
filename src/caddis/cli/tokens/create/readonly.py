"""`fly tokens create readonly`."""

from __future__ import annotations

from caddis.cli.call import Call
from caddis.cli.flags import ORG
from caddis.cli.tokens.create.make import flags, make
from caddis.cli.verb import at_most, verb


def run(call: Call) -> None:
    """Sees all of the organization, and changes nothing."""
    make(call, "readonly", organization=call.text("org") or (call.arguments[0] if call.arguments else ""))


COMMAND = verb(
    run,
    usage="readonly [org]",
    long="Create a token that sees the whole organization and changes nothing; it sees no secret's value and no"
    " file of a volume. It is shown once.",
    examples=("fly tokens create readonly -n dashboard",),
    flags=(ORG, *flags("Read-only org token")),
    count=at_most(1),
)
