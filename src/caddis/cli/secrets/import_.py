"""`fly secrets import`: NAME=VALUE lines from stdin (facts: cli-deploy-launch 7)."""

from __future__ import annotations

from caddis.cli.call import Call
from caddis.cli.secrets.effect import EFFECT_FLAGS, take_effect
from caddis.cli.secrets.given import NO_PAIRS, parse_import, read_text
from caddis.cli.verb import at_most, verb
from caddis.client.secrets import change_secrets
from caddis.domain.errors import Invalid
from caddis.domain.secret import MAX_ALL_BYTES


def run(call: Call) -> None:
    """Keep them, and restart the app's machines with them."""
    app = call.app()
    values = parse_import(read_text(2 * MAX_ALL_BYTES))
    if not values:
        raise Invalid(NO_PAIRS, hint="fly secrets import < .env")
    call.send(change_secrets(app, values))
    take_effect(call, app)


COMMAND = verb(
    run,
    usage="import",
    long='Set the secrets of NAME=VALUE lines from stdin. Values may stand in quotes; one that begins with """ goes on'
    ' over lines, to the next """.',
    examples=("fly secrets import -a web < .env", "fly secrets import --stage < .env  # machines get them later"),
    flags=EFFECT_FLAGS,
    count=at_most(0),
)
