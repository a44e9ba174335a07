"""`fly auth whoami`."""

from __future__ import annotations

from caddis.cli.call import Call
from caddis.cli.flags import JSON
from caddis.cli.tables import as_json
from caddis.cli.verb import at_most, verb
from caddis.client.apps import get_current_token


def run(call: Call) -> None:
    """The name of whom the token speaks for."""
    token = call.send(get_current_token())["tokens"][0]
    name = token.get("user") or token.get("organization") or token.get("org_slug") or token.get("token_id")
    call.say(as_json({"email": name}) if call.json else f"{name}\n", end="")


COMMAND = verb(
    run,
    usage="whoami",
    long="Show who the token speaks for.",
    examples=("fly auth whoami",),
    flags=(JSON,),
    count=at_most(0),
)
