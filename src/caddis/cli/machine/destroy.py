"""`fly machine destroy [id ...]`: the machine goes, its volume stays (facts: cli-deploy-launch 5.4)."""

from __future__ import annotations

from caddis.cli.call import Call
from caddis.cli.flags import APP_FLAGS, switch, text
from caddis.cli.machine.selection import choose_app, chosen_machines, get_one, leased
from caddis.cli.machine.show_machine import config_of, image_of, volume_of
from caddis.cli.verb import any_number, verb
from caddis.client.machines import destroy_machine, list_machines
from caddis.domain.errors import Conflict, Invalid, NotFound

_RESTING = ("stopped", "suspended", "created", "failed")


def run(call: Call) -> None:
    """Without --force only machines that do not run: all are looked at before the first goes."""
    app, force = choose_app(call), call.switch("force")
    found = [get_one(call, app, machine) for machine in _chosen(call, app)]
    for machine in found:
        if machine["state"] not in _RESTING and not force:
            raise Conflict(
                f"machine {machine['id']} currently is {machine['state']}: stop it first, or use --force",
                hint=f"fly machine stop {machine['id']} -a {app}",
            )
    for machine in found:
        name = str(machine["id"])
        call.say(f"machine {name} was found and is currently in {machine['state']} state, attempting to destroy...")
        with leased(call, app, name) as nonce:
            call.send(destroy_machine(app, name, kill=force, nonce=nonce))
        call.say(f"{name} has been destroyed")
        if volume_of(machine):
            call.note(f"Its volume {volume_of(machine)} stays, unattached.")


def _chosen(call: Call, app: str) -> list[str]:
    image = call.text("image")
    if not image:
        return chosen_machines(call, app)
    if call.arguments:
        raise Invalid("--image and machine IDs exclude each other: it means every machine of that image")
    machines = call.send(list_machines(app))
    found = [str(one["id"]) for one in machines if image in (config_of(one).get("image"), image_of(one))]
    if not found:
        raise NotFound(f"no machine of app {app} has the image {image}", hint=f"fly machine list -a {app} shows images")
    return found


LONG = """Destroy one or more machines.

Its volume stays, and can be given to another machine. A machine that runs is refused without --force."""

COMMAND = verb(
    run,
    usage="destroy [id ...]",
    long=LONG,
    examples=(
        "fly machine destroy 0123456789abcd -a web  # its volume stays",
        "fly machine destroy --image web:1 --force  # all machines of that image, also those that run",
    ),
    flags=(
        *APP_FLAGS,
        switch("force", "f", help="Kill a running machine"),
        text("image", "i", help="All machines of this image"),
    ),
    count=any_number,
)
