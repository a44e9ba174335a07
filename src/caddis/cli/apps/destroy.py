"""`fly apps destroy <name> ...`: machines and volumes go with the app (facts: cli-deploy-launch 6)."""

from __future__ import annotations

from caddis.cli.call import Call
from caddis.cli.flags import APP_FLAGS, YES
from caddis.cli.verb import any_number, verb
from caddis.client.apps import destroy_app, get_app
from caddis.client.volumes import list_volumes
from caddis.domain.errors import Invalid


def run(call: Call) -> None:
    """One after the other; a "no" ends the command."""
    names = call.arguments or tuple(name for name in (call.text("app"),) if name)
    if not names:
        raise Invalid("no app names provided", hint="fly apps destroy NAME")
    for name in names:
        call.send(get_app(name))
        if not call.switch("yes"):
            call.note("Destroying an app is not reversible.", "red")
            volumes = call.send(list_volumes(name))
            if volumes:
                call.note(f"Its {len(volumes)} volume(s) go with it.", "red")
            if not call.confirm(f"Destroy app {name}?"):
                return
        call.send(destroy_app(name))
        call.say(f"Destroyed app {name}")


COMMAND = verb(
    run,
    usage="destroy <app name> ...",
    flags=(*APP_FLAGS, YES),
    count=any_number,
)
