"""`fly logs` (facts: cli-deploy-launch 9)."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import Any

from caddis.cli.call import Call
from caddis.cli.flags import APP_FLAGS, JSON, Flag, Kind, switch, text
from caddis.cli.log_lines import line_of
from caddis.cli.machine.selection import chosen_machine, get_one
from caddis.cli.verb import at_most, verb
from caddis.client.apps import get_app
from caddis.client.logs import read_logs
from caddis.client.machines import list_machines
from caddis.domain.errors import Invalid, TimedOut, Unreachable

POLL_SECONDS = 0.5
PATIENCE_SECONDS = 120.0  # that the server may be away while we follow: an upgrade takes less


def run(call: Call) -> None:
    """What is kept, then what comes, until Ctrl-C; with --no-tail only the former."""
    app, machine, region = call.app(), call.text("machine"), call.text("region")
    call.send(get_app(app))
    if call.switch("select") and not machine:
        machine = chosen_machine(call, app, ())
    if machine:
        get_one(call, app, machine)
    if region:
        _check_region(call, app, region)
    for entry in _entries(call, app, machine, region):
        if call.json:
            import json

            call.say(json.dumps(entry))
        else:
            call.say(line_of(entry))


def _check_region(call: Call, app: str, region: str) -> None:
    regions = sorted({one["region"] for one in call.send(list_machines(app))})
    if region not in regions:
        where = f"it has some in {', '.join(regions)}" if regions else "it has none"
        raise Invalid(f"app {app} has no machines in region {region!r}: {where}")


def _entries(call: Call, app: str, machine: str, region: str) -> Iterator[Mapping[str, Any]]:
    """A page that did not come is asked for again by the same token: no line is lost, and none comes twice."""
    token, over = "", 0.0
    while True:
        try:
            page = call.send(read_logs(app, token=token, machine=machine, region=region))
            over = 0.0
        except (Unreachable, TimedOut) as away:
            if not over and token:
                call.note(f"Waiting for the server: {away.message}", "yellow")
            over = over or time.monotonic() + PATIENCE_SECONDS
            if time.monotonic() > over or call.switch("no-tail") or not token:
                raise
            time.sleep(POLL_SECONDS)
            continue
        for item in page["data"]:
            yield item["attributes"]
        following = str(page["meta"].get("next_token") or token)
        if call.switch("no-tail"):
            return
        if not page["data"]:
            time.sleep(POLL_SECONDS)
        token = following


COMMAND = verb(
    run,
    usage="logs",
    long="View an app's logs: the last lines of each machine, then what comes, until Ctrl-C.",
    examples=(
        "fly logs -a web",
        "fly logs -a web --no-tail  # what is kept, and no more",
        "fly logs -a web -m 4d891ed1f22087 --json | jq -r .message  # of one machine, one JSON document a line",
    ),
    flags=(
        *APP_FLAGS,
        Flag(
            name="machine",
            kind=Kind.TEXT,
            short="m",
            help="Only lines of this machine",
            aliases=("instance",),
        ),
        switch("select", "s", help="Select the machine from a list of the app's"),
        text("region", "r", help="Only lines from this region"),
        switch("no-tail", "n", help="Do not wait for more lines"),
        JSON,
    ),
    count=at_most(0),
)
