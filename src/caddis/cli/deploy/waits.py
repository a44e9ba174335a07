"""Until a machine runs, stays up and is healthy (facts: cli-deploy-launch 1.8)."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from caddis.client.machines import get_machine, list_processes, wait_for
from caddis.client.transport import Client
from caddis.domain.errors import Problem, TimedOut

Wire = Mapping[str, Any]
SMOKE_SECONDS = 10.0
POLL_SECONDS = 0.25
_HOLD = 10  # seconds of one wait, so that a crash is seen soon
_LOOPBACK = ("127.", "[::1]", "::1")


def wait_started(client: Client, app: str, machine: str, *, seconds: float | None) -> None:
    """Problem when it fails or crashes over and over, TimedOut after `seconds` (None: never)."""
    over = None if seconds is None else time.monotonic() + seconds
    while over is None or time.monotonic() < over:
        left = _HOLD if over is None else min(_HOLD, int(over - time.monotonic()) + 1)
        try:
            client.send(wait_for(app, machine, ("started", "failed"), seconds=left))
        except TimedOut:
            pass
        now = client.send(get_machine(app, machine))
        if now["state"] == "started":
            return
        if now["state"] in ("failed", "destroyed", "destroying"):
            raise Problem(f"machine {machine} could not be started: it is {now['state']}")
        if _crashes(now):
            code = _last_exit(now).get("exit_code")
            raise Problem(f"machine {machine} ends again and again: the app appears to be crashing (exit code {code})")
        time.sleep(POLL_SECONDS)
    raise TimedOut(
        f"timeout reached waiting for machine {machine} to start",
        hint="Give it longer with --wait-timeout, such as --wait-timeout 10m.",
    )


def smoke_check(client: Client, app: str, machine: str, config: Wire) -> None:
    """Problem when it ends within ten seconds; over as soon as it listens on all ports of its services."""
    ports = {str(service["internal_port"]) for service in config.get("services") or [] if _is_tcp(service)}
    over = time.monotonic() + SMOKE_SECONDS
    seen = client.send(get_machine(app, machine))
    known = {event["id"] for event in seen.get("events") or [] if event["type"] == "exit"}
    while time.monotonic() < over:
        now = client.send(get_machine(app, machine))
        new = [event for event in now.get("events") or [] if event["type"] == "exit" and event["id"] not in known]
        if (now["state"] != "started" and (new or now["state"] == "failed")) or _crashes(now):
            code = _last_exit(now).get("exit_code")
            raise Problem(f"smoke checks for {machine} failed: the app appears to be crashing (exit code {code})")
        if ports and ports <= _listening(client, app, machine):
            return
        time.sleep(POLL_SECONDS)


def wait_healthy(client: Client, app: str, machine: str, *, seconds: float | None) -> None:
    """Until every check that the machine reports passes; a machine that reports none is not waited for."""
    over = None if seconds is None else time.monotonic() + seconds
    while True:
        checks = client.send(get_machine(app, machine)).get("checks") or []
        failing = [check for check in checks if check["status"] != "passing"]
        if not failing:
            return
        if over is not None and time.monotonic() >= over:
            names = ", ".join(str(check["name"]) for check in failing)
            raise TimedOut(f"timeout reached waiting for health checks of machine {machine} to pass: {names}")
        time.sleep(POLL_SECONDS * 2)


def _is_tcp(service: Wire) -> bool:
    return service.get("protocol", "tcp") == "tcp" and bool(service.get("internal_port"))


def _listening(client: Client, app: str, machine: str) -> set[str]:
    try:
        processes = client.send(list_processes(app, machine)) or []
    except Problem:
        return set()
    addresses = [str(socket.get("address", "")) for one in processes for socket in one.get("listen_sockets") or []]
    return {address.rpartition(":")[2] for address in addresses if not address.startswith(_LOOPBACK)}


def _newest_exit(machine: Wire) -> Wire:
    for event in machine.get("events") or []:
        if event["type"] == "exit":
            return event.get("request") or {}
        if event["type"] in ("launch", "update"):
            break  # what ended before belongs to another version
    return {}


def _last_exit(machine: Wire) -> Wire:
    found: Wire = _newest_exit(machine).get("exit_event") or {}
    return found


def _crashes(machine: Wire) -> bool:
    """It restarts over and over after failures (facts: machines-api 4.6)."""
    ended = _last_exit(machine)
    again = _newest_exit(machine).get("restart_count", 0) > 1 and bool(ended.get("restarting"))
    return again and not ended.get("requested_stop") and ended.get("exit_code", 0) != 0
