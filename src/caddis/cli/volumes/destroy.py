"""`fly volumes destroy [volume id ...]` (facts: cli-volumes 9)."""

from __future__ import annotations

from caddis.cli.call import Call
from caddis.cli.flags import APP_FLAGS, YES, switch
from caddis.cli.verb import any_number, verb
from caddis.cli.volumes.show_volume import TWO_OR_MORE, choose_volume, is_shown
from caddis.cli.volumes.whose import choose_app
from caddis.client.volumes import destroy_volume, get_volume, list_volumes


def run(call: Call) -> None:
    """One after the other; a "no" ends the command."""
    app = choose_app(call)
    for volume in call.arguments or (choose_volume(call, app),):
        erase = call.switch("erase")
        if not call.switch("yes") and not _is_sure(call, app, volume, erase=erase):
            return
        gone = call.send(destroy_volume(app, volume, erase=erase))
        call.say(f"Destroyed volume ID: {gone['id']} name: {gone['name']}")
        if not erase:
            call.note(f"It can be brought back for 24 hours: fly volumes restore {gone['id']} -a {app}")


def _is_sure(call: Call, app: str, volume: str, *, erase: bool) -> bool:
    name = call.send(get_volume(app, volume))["name"]
    if erase:
        call.note(f"The data and the key of volume {volume} will be gone for good, at once.", "red")
        return call.confirm("Are you sure you want to erase this volume?")
    same = [one for one in call.send(list_volumes(app)) if one["name"] == name and is_shown(one)]
    if len(same) <= 2:
        call.note(
            f"Warning! {TWO_OR_MORE[0].upper()}{TWO_OR_MORE[1:]} Deleting this volume will leave you with"
            f" {max(0, len(same) - 1)} volume(s) named {name} for this application."
            " After 24 hours it is not reversible.",
            "red",
        )
    else:
        call.note("Deleting a volume is not reversible after 24 hours.", "red")
    return call.confirm("Are you sure you want to destroy this volume?")


LONG = """Destroy one or more volumes.

For 24 hours a destroyed volume can be brought back with `fly volumes restore`; until then it keeps its place in the
pool. With --erase its key and bytes are gone at once and for good. A volume that a machine has is refused: destroy the
machine first. Snapshots stay until their retention is over."""

COMMAND = verb(
    run,
    usage="destroy [volume id ...]",
    long=LONG,
    examples=(
        "fly volumes destroy vol_4ze86k1w0n2rq5py  # can be undone for 24 hours",
        "fly volumes destroy vol_4ze86k1w0n2rq5py --erase -y  # for good, at once",
    ),
    flags=(*APP_FLAGS, YES, switch("erase", help="For good and at once: nothing can bring the volume back")),
    count=any_number,
)
