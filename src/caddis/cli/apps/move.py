"""`fly apps move [app name]`: refused. A token speaks for one organization, and a move needs the word of two."""

from __future__ import annotations

from caddis.cli.apps.which import named_app
from caddis.cli.call import Call
from caddis.cli.flags import APP_FLAGS, ORG, YES, switch
from caddis.cli.verb import at_most, verb
from caddis.client.apps import get_app
from caddis.domain.errors import Conflict, Refused


def run(call: Call) -> None:
    """Say why not, and what leads there."""
    app = named_app(call)
    owner = call.send(get_app(app))["organization"]["slug"]
    if call.text("org") == owner:
        raise Conflict(f"app {app} belongs to {owner} already")
    raise Refused(
        f"app {app} cannot leave {owner}: its machines, volumes and keys belong to that organization",
        hint="Make it anew in the other organization with `fly apps create`, and take the data along with"
        " `fly volumes export` and `fly volumes import`.",
    )


COMMAND = verb(
    run,
    usage="move [app name]",
    long="""Move an app to another organization: refused here.

An app's machines and volumes stay with the organization that made them. Make the app anew in the other one, and take
its data along with `fly volumes export` and `fly volumes import`.""",
    examples=("fly apps move web --org other",),
    flags=(*APP_FLAGS, ORG, YES, switch("skip-health-checks", help="No effect, kept for scripts", hidden=True)),
    count=at_most(1),
)
