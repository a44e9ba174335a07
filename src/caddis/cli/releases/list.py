"""`fly releases list`, which is also `fly releases` and `fly apps releases` (facts: cli-deploy-launch 6)."""

from __future__ import annotations

from datetime import UTC, datetime

from caddis.cli.call import Call
from caddis.cli.flags import APP_FLAGS, JSON, switch
from caddis.cli.tables import as_json, table
from caddis.cli.times import ago
from caddis.cli.verb import at_most, verb
from caddis.client.releases import list_releases
from caddis.wire.time import time_from_wire

SHOWN = 25


def run(call: Call) -> None:
    """The last 25, newest first."""
    releases = call.send(list_releases(call.app(), limit=SHOWN))["releases"]
    if call.json:
        call.say(as_json(releases), end="")
        return
    now = datetime.now(UTC)
    rows = [
        [
            f"v{one['version']}",
            str(one["status"]),
            str(one.get("description") or f"Release ({str(one['strategy']).lower()})"),
            str(one.get("user", "")),
            ago(time_from_wire(str(one["created_at"])), now),
            *([str(one["image_ref"])] if call.switch("image") else []),
        ]
        for one in releases
    ]
    header = ("Version", "Status", "Description", "User", "Date", *(("Docker Image",) if call.switch("image") else ()))
    call.say(table(header, rows), end="")


FLAGS = (*APP_FLAGS, JSON, switch("image", help="Show the image of each release"))

COMMAND = verb(
    run,
    usage="list",
    flags=FLAGS,
    examples=(
        "fly releases list -a web  # the last 25, newest first; so does `fly releases`",
        "fly releases list --image -a web",
    ),
    count=at_most(0),
)
