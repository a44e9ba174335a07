"""`fly volumes list` (facts: cli-volumes 3)."""

from __future__ import annotations

from datetime import UTC, datetime

from caddis.cli.call import Call
from caddis.cli.flags import APP_FLAGS, JSON, switch
from caddis.cli.tables import as_json, table
from caddis.cli.verb import at_most, verb
from caddis.cli.volumes.risk import at_risk
from caddis.cli.volumes.show_volume import HEADER, is_shown, row, volume_json
from caddis.client.volumes import list_volumes


def run(call: Call) -> None:
    """The table, or a JSON array; volumes that are being destroyed only with --all.

    On stderr, for each, how full it is and what would be lost now.
    """
    volumes = call.send(list_volumes(call.app()))
    if not call.switch("all"):
        volumes = [volume for volume in volumes if is_shown(volume)]
    if call.json:
        call.say(as_json([volume_json(volume) for volume in volumes]), end="")
        return
    now = datetime.now(UTC)
    call.say(table(HEADER, [row(volume, now) for volume in volumes]), end="")
    if any(volume.get("host_status") == "unreachable" for volume in volumes):
        call.say("* These volumes' hosts could not be reached.")
    for volume in volumes:
        call.note(f"{volume['id']}: {at_risk(volume, now)}")


LONG = """List all the volumes for an app.

Besides Fly's columns it says when each volume was last kept off its host, and so how much would be
lost with the host."""

COMMAND = verb(
    run,
    usage="list",
    long=LONG,
    examples=(
        "fly volumes list -a web",
        "fly volumes list -a web --all --json",
    ),
    flags=(*APP_FLAGS, switch("all", help="Show also volumes that are being destroyed"), JSON),
    count=at_most(0),
)
