"""`fly apps resume [app name]`."""

from __future__ import annotations

from caddis.cli.apps.turning import turn
from caddis.cli.apps.which import named_app
from caddis.cli.call import Call
from caddis.cli.flags import APP_FLAGS
from caddis.cli.verb import at_most, verb
from caddis.client.apps import resume_app


def run(call: Call) -> None:
    """Until every machine that ran runs again."""
    app = named_app(call)
    started = turn(call, app, resume_app(app), verb="resume", state="started")
    call.say(f"Resumed app {app}: {started}")


COMMAND = verb(
    run,
    usage="resume [app name]",
    long="""Resume an app that was suspended: the machines that ran then start again, and no others.

Doing it twice does no harm; it starts what could not be started before, because its host did not answer.""",
    examples=("fly apps resume web",),
    flags=APP_FLAGS,
    count=at_most(1),
)
