"""`fly secrets set NAME=VALUE …` (facts: cli-deploy-launch 7)."""

from __future__ import annotations

from caddis.cli.call import Call
from caddis.cli.secrets.effect import EFFECT_FLAGS, take_effect
from caddis.cli.secrets.given import read_pairs
from caddis.cli.verb import at_least, verb
from caddis.client.secrets import change_secrets


def run(call: Call) -> None:
    """Keep them, and restart the app's machines with them."""
    app = call.app()
    values = read_pairs(call.arguments)
    call.send(change_secrets(app, values))
    take_effect(call, app)


COMMAND = verb(
    run,
    usage="set NAME=VALUE [NAME=VALUE ...]",
    long="Set one or more secrets, and restart the app's machines with them, one after the other. With NAME=- the value"
    " is read from stdin, so that it stands in no history and in no list of processes.",
    examples=(
        "fly secrets set DATABASE_URL=postgres://db.example/app",
        "fly secrets set -a web SESSION_KEY=- < session.key  # the value from stdin",
        "fly secrets set --stage A=1 B=2  # machines get them with the next deploy",
    ),
    flags=EFFECT_FLAGS,
    count=at_least(1),
)
