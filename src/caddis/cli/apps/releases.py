"""`fly releases` (facts: cli-deploy-launch 6)."""

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
            f"Release ({str(one['strategy']).lower()})",
            str(one.get("user", "")),
            ago(time_from_wire(str(one["created_at"])), now),
            *([str(one["image_ref"])] if call.switch("image") else []),
        ]
        for one in releases
    ]
    header = ("Version", "Status", "Description", "User", "Date", *(("Docker Image",) if call.switch("image") else ()))
    call.say(table(header, rows), end="")


COMMAND = verb(
    run,
    usage="releases",
    examples=(
        "fly releases -a web",
        "fly releases --image --json",
    ),
    flags=(*APP_FLAGS, JSON, switch("image", help="Show the image of each release")),
    count=at_most(0),
)
