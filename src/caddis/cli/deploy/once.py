"""A machine of a deploy's own that runs one command to its end: release and seed commands, machine checks."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from caddis.cli.log_lines import last_lines
from caddis.client.machines import create_machine, destroy_machine, get_machine
from caddis.client.transport import Client
from caddis.domain.errors import Problem, TimedOut

SHOWN_LOG_LINES = 100
_POLL_SECONDS = 0.25


def run_once(
    client: Client, app: str, *, config: Mapping[str, Any], region: str, seconds: float | None, what: str
) -> tuple[str, int, list[str]]:
    """The machine's id, its exit code, and where that is not 0 its last lines. The machine is gone when this returns.

    TimedOut after `seconds` (None: never).
    """
    body = {"config": {**config, "restart": {"policy": "no"}, "dns": {"skip_registration": True}}, "region": region}
    machine = str(client.send(create_machine(app, body))["id"])
    try:
        code = _wait_for_end(client, app, machine, seconds=seconds, what=what)
        return machine, code, last_lines(client, app, machine, SHOWN_LOG_LINES) if code else []
    finally:
        client.send(destroy_machine(app, machine, kill=True))


def _wait_for_end(client: Client, app: str, machine: str, *, seconds: float | None, what: str) -> int:
    over = None if seconds is None else time.monotonic() + seconds
    while over is None or time.monotonic() < over:
        now: Mapping[str, Any] = client.send(get_machine(app, machine))
        for event in now.get("events") or []:
            if event["type"] == "exit":
                return int(event["request"]["exit_event"]["exit_code"])
        if now["state"] == "failed":
            raise Problem(f"the machine {machine} of the {what} could not be started")
        time.sleep(_POLL_SECONDS)
    raise TimedOut(f"{what} did not end within {seconds:g} s")
