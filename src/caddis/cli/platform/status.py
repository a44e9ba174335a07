"""`fly platform status`: whether the server and its hosts answer. Fly's own opens a web page; ours asks."""

from __future__ import annotations

from datetime import UTC, datetime

from caddis.cli.call import Call
from caddis.cli.flags import JSON
from caddis.cli.tables import as_json, table
from caddis.cli.times import ago
from caddis.cli.verb import at_most, verb
from caddis.client.platform import get_platform_status
from caddis.wire.time import time_from_wire


def run(call: Call) -> None:
    """The server's address, then its hosts."""
    status = call.send(get_platform_status())
    if call.json:
        call.say(as_json(status), end="")
        return
    now = datetime.now(UTC)
    call.say(f"{call.client.settings.url} is {status['status']}")
    rows = [
        [one["id"], one["region"], one["zone"], one["status"], ago(time_from_wire(one["last_seen"]), now)]
        for one in status["hosts"]
    ]
    call.say(table(("Host", "Region", "Zone", "Status", "Last Seen"), rows), end="")


COMMAND = verb(
    run,
    usage="status",
    long="""Show whether this installation's server and hosts answer.

A host that has not reported for 15 seconds is unreachable: its machines may run on, but cannot be changed. It ends with
status 0 also then; use --json in scripts.""",
    examples=("fly platform status", "fly platform status --json"),
    flags=(JSON,),
    count=at_most(0),
)
