"""`fly tokens list`."""

from __future__ import annotations

from caddis.cli.call import Call
from caddis.cli.flags import APP_FLAGS, JSON, text
from caddis.cli.tables import as_json, table
from caddis.cli.verb import at_most, verb
from caddis.client.tokens import list_tokens
from caddis.domain.errors import Invalid


def run(call: Call) -> None:
    """Those of the app, or those for the whole organization; never the tokens themselves."""
    scope = call.text("scope")
    if scope not in ("app", "org"):
        raise Invalid(f"scope is {scope!r}: it must be app or org", hint="fly tokens list --scope org")
    tokens = call.send(list_tokens(call.app() if scope == "app" else ""))["tokens"]
    if call.json:
        call.say(as_json(tokens), end="")
        return
    rows = [
        [one["id"], one["name"], one["created_by"], one["expires_at"] or "never", "read" if one["read_only"] else "all"]
        for one in tokens
    ]
    call.say(table(("ID", "Name", "Created By", "Expires At", "Access"), rows), end="")


COMMAND = verb(
    run,
    usage="list",
    examples=("fly tokens list -a web", "fly tokens list --scope org  # those that reach every app"),
    flags=(*APP_FLAGS, text("scope", "s", help="either 'app' or 'org'", default="app"), JSON),
    count=at_most(0),
)
