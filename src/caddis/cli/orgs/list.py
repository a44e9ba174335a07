"""`fly orgs list`."""

from __future__ import annotations

from caddis.cli.call import Call
from caddis.cli.flags import JSON
from caddis.cli.tables import as_json, table
from caddis.cli.verb import at_most, verb
from caddis.client.apps import list_organizations


def run(call: Call) -> None:
    """Those that the token reaches; as JSON a map from slug to name, as flyctl has it."""
    organizations = call.send(list_organizations())["organizations"]
    if call.json:
        call.say(as_json({str(one["slug"]): one["name"] for one in organizations}), end="")
        return
    rows = [
        [str(one["name"]), str(one["slug"]), "PERSONAL" if one.get("personal") else "SHARED"] for one in organizations
    ]
    call.say(table(("Name", "Slug", "Type"), rows), end="")


COMMAND = verb(
    run,
    usage="list",
    long="List the organizations that your token reaches, with their slugs.",
    examples=("fly orgs list",),
    flags=(JSON,),
    count=at_most(0),
)
