"""`fly auth token`: prints the token in use. Asks nothing of the server."""

from __future__ import annotations

from caddis.cli.call import Call
from caddis.cli.flags import JSON
from caddis.cli.tables import as_json
from caddis.cli.verb import at_most, verb


def run(call: Call) -> None:
    """From -t, the environment or the file that `caddis up` wrote."""
    token = call.client.settings.require_token()
    call.say(as_json({"token": token}) if call.json else f"{token}\n", end="")


LONG = """Show the current access token: that of -t, FLY_ACCESS_TOKEN, FLY_API_TOKEN, or the settings file.

Keep it to yourself: it can do all that you can."""

COMMAND = verb(run, usage="token", long=LONG, examples=("fly auth token",), flags=(JSON,), count=at_most(0))
