"""`fly logs` (facts: cli-deploy-launch 9)."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import Any

from caddis.cli.call import Call
from caddis.cli.flags import APP_FLAGS, JSON, Flag, Kind, switch, text
from caddis.cli.log_lines import line_of
from caddis.cli.machine.selection import get_one
from caddis.cli.verb import at_most, verb
from caddis.client.apps import get_app
from caddis.client.logs import read_logs
from caddis.domain.errors import Unreachable

POLL_SECONDS = 0.5
PATIENCE = 10  # polls in a row that may fail while following


def run(call: Call) -> None:
    """What is kept, then what comes, until Ctrl-C; with --no-tail only the former."""
    app, machine = call.app(), call.text("machine")
    call.send(get_app(app))
    if machine:
        get_one(call, app, machine)
    for entry in _entries(call, app, machine):
        if call.json:
            import json

            call.say(json.dumps(entry))
        else:
            call.say(line_of(entry))


def _entries(call: Call, app: str, machine: str) -> Iterator[Mapping[str, Any]]:
    token, failures = "", 0
    while True:
        try:
            page = call.send(read_logs(app, token=token, machine=machine, region=call.text("region")))
            failures = 0
        except Unreachable:
            failures += 1
            if failures > PATIENCE or call.switch("no-tail"):
                raise
            time.sleep(POLL_SECONDS)
            continue
        for item in page["data"]:
            yield item["attributes"]
        following = str(page["meta"].get("next_token") or token)
        if call.switch("no-tail") and (not page["data"] or following == token):
            return
        if not page["data"]:
            time.sleep(POLL_SECONDS)
        token = following


COMMAND = verb(
    run,
    usage="logs",
    long="View app logs: the last lines, then what comes, until Ctrl-C.",
    examples=(
        "fly logs -a web  # follow",
        "fly logs --machine 148e21b7c46d89 --no-tail",
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
        text("region", "r", help="Only lines from this region"),
        switch("no-tail", "n", help="Do not wait for more lines"),
        JSON,
    ),
    count=at_most(0),
)
