"""`fly apps destroy <app name> ...`: machines and volumes go with the app (facts: cli-deploy-launch 6)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from caddis.cli.call import Call
from caddis.cli.flags import APP_FLAGS, YES
from caddis.cli.verb import any_number, verb
from caddis.cli.volumes.show_volume import is_shown
from caddis.client.apps import destroy_app, get_app
from caddis.client.machines import list_machines
from caddis.client.volumes import list_volumes
from caddis.domain.errors import Invalid


def run(call: Call) -> None:
    """All names are looked up first; then one after the other, and a "no" ends the command."""
    names = tuple(dict.fromkeys(call.arguments)) or tuple(name for name in (call.text("app"),) if name)
    if not names:
        raise Invalid("no app names provided", hint="fly apps destroy NAME")
    for name in names:
        call.send(get_app(name))
    for name in names:
        volumes = [volume for volume in call.send(list_volumes(name)) if is_shown(volume)]
        if not call.switch("yes") and not _is_sure(call, name, volumes):
            return
        call.send(destroy_app(name))
        call.say(f"Destroyed app {name}")
        if volumes:
            call.note(_way_back(name, volumes))


def _is_sure(call: Call, name: str, volumes: Sequence[Mapping[str, Any]]) -> bool:
    call.note("Destroying an app is not reversible.", "red")
    machines = len(call.send(list_machines(name)))
    if machines:
        call.note(f"Its {_count(machines, 'machine')} will be gone, also if running.", "red")
    if volumes:
        call.note(f"Its {_count(len(volumes), 'volume')} can be brought back for 24 hours, in a new app {name}.", "red")
    return call.confirm(f"Destroy app {name}?")


def _way_back(name: str, volumes: Sequence[Mapping[str, Any]]) -> str:
    lines = "".join(f"\n  fly volumes restore {volume['id']} -a {name}" for volume in volumes)
    return (
        f"For 24 hours its data can be brought back:\n  fly apps create {name}{lines}\n"
        "Until then it keeps its place in the pool. To end that: fly apps create, and fly volumes destroy --erase ID"
    )


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


COMMAND = verb(
    run,
    usage="destroy <app name> ...",
    long="""Permanently destroy one or more apps.

Machines, releases, secrets and tokens of the app are gone at once. Its volumes are destroyed as `fly volumes destroy`
does it: for 24 hours they can be brought back, in a new app of the same name. Their snapshots stay until their
retention is over, and as long as anything is left no other organization can take the name. While a host that has some
of the app does not answer, nothing is destroyed.""",
    examples=("fly apps destroy web", "fly apps destroy web-pr-17 web-pr-18 --yes"),
    flags=(*APP_FLAGS, YES),
    count=any_number,
)
