"""`fly tokens revoke ID …`."""

from __future__ import annotations

from caddis.cli.call import Call
from caddis.cli.verb import at_least, verb
from caddis.client.tokens import revoke_token
from caddis.domain.errors import Problem


def run(call: Call) -> None:
    """Each of them; those that could not be revoked are named, and the last reason ends the command."""
    failure: Problem | None = None
    for id in call.arguments:
        try:
            call.send(revoke_token(id))
        except Problem as problem:
            call.note(f"Failed to revoke token {id}: {problem.message}")
            failure = problem
        else:
            call.say(f"Revoked {id}")
    if failure is not None:
        raise failure


COMMAND = verb(
    run,
    usage="revoke ID [ID ...]",
    long="Revoke tokens by their ids, which `fly tokens list` shows. They end at once.",
    examples=("fly tokens revoke 7", "fly tokens revoke 7 8"),
    count=at_least(1),
)
