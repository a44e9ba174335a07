"""`fly apps suspend [app name]`."""

from __future__ import annotations

from caddis.cli.apps.turning import turn
from caddis.cli.apps.which import named_app
from caddis.cli.call import Call
from caddis.cli.flags import APP_FLAGS
from caddis.cli.verb import at_most, verb
from caddis.client.apps import suspend_app


def run(call: Call) -> None:
    """Until every machine that ran has stopped."""
    app = named_app(call)
    stopped = turn(call, app, suspend_app(app), verb="suspend", state="stopped")
    call.say(f"Suspended app {app}: {stopped}")
    call.note(f"Start it again: fly apps resume {app}")


COMMAND = verb(
    run,
    usage="suspend [app name]",
    long="""Suspend an app: all its machines stop, and stay stopped until it is resumed.

A suspended app stays so over reboots of its hosts, keeps its machines, volumes and addresses, and refuses deploys.
Machines that were stopped before stay stopped when it is resumed. A machine that somebody starts by hand runs.""",
    examples=("fly apps suspend web",),
    flags=APP_FLAGS,
    count=at_most(1),
)
