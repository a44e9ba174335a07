"""`fly image update`: refused. Fly's own databases are updated so; here an image is what a release says."""

from __future__ import annotations

from caddis.cli.call import Call
from caddis.cli.flags import APP_FLAGS, YES, switch, text
from caddis.cli.verb import at_most, verb
from caddis.client.apps import get_app
from caddis.domain.errors import Refused


def run(call: Call) -> None:
    """Say what does it."""
    app = call.app()
    call.send(get_app(app))
    raise Refused(
        f"the image of app {app} is changed by a deploy, so that there is a release to go back to",
        hint=f"fly deploy --image IMAGE -a {app}",
    )


COMMAND = verb(
    run,
    usage="update",
    long="Update an app's image: refused here. An image is changed by a deploy: `fly deploy --image`.",
    examples=("fly image update -a web",),
    flags=(
        *APP_FLAGS,
        YES,
        text("image", help="The image that is wanted"),
        switch("skip-health-checks", help="No effect, kept for scripts", hidden=True),
        switch("detach", help="No effect, kept for scripts", hidden=True),
    ),
    count=at_most(0),
)
