"""Until a machine runs, stays up and is healthy (facts: cli-deploy-launch 1.8)."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from caddis.client.machines import get_machine, list_processes, wait_for
from caddis.client.transport import Client
from caddis.domain.errors import Problem, TimedOut
from caddis.wire.duration import parse_duration

Wire = Mapping[str, Any]
SMOKE_SECONDS = 10.0
SETTLED_SECONDS = 2.0
LISTEN_SECONDS = 15.0
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
            why = f": {now['problem']}" if now.get("problem") else ""
            raise Problem(f"machine {machine} could not be started: it is {now['state']}{why}")
        if _crashes(now):
            code = _last_exit(now).get("exit_code")
            raise Problem(f"machine {machine} ends again and again: the app appears to be crashing (exit code {code})")
        time.sleep(POLL_SECONDS)
    raise TimedOut(
        f"timeout reached waiting for machine {machine} to start",
        hint="Give it longer with --wait-timeout, such as --wait-timeout 10m.",
    )


def smoke_check(client: Client, app: str, machine: str, config: Wire) -> None:
    """Problem when it ends within ten seconds; over as soon as it has listened on all its services' ports for a while.

    For a while, because servers such as gunicorn listen first and load the app, which may fail, afterwards.
    """
    ports = tcp_ports(config)
    over = time.monotonic() + SMOKE_SECONDS
    known = _exits(client.send(get_machine(app, machine)))
    listens_since: float | None = None
    while time.monotonic() < over:
        now = client.send(get_machine(app, machine))
        new = _exits(now) - known
        if (now["state"] != "started" and (new or now["state"] == "failed")) or _crashes(now):
            code = _last_exit(now).get("exit_code")
            raise Problem(f"smoke checks for {machine} failed: the app appears to be crashing (exit code {code})")
        if new or not ports or not ports <= listening(client, app, machine)[0]:
            listens_since = None
        elif listens_since is None:
            listens_since = time.monotonic()
        elif time.monotonic() - listens_since >= SETTLED_SECONDS:
            return
        time.sleep(POLL_SECONDS)


def wait_healthy(
    client: Client,
    app: str,
    machine: str,
    *,
    seconds: float | None,
    tell: Callable[[int, int], None] = lambda _passing, _total: None,
) -> None:
    """Until every check passes; without checks in its config at once. `tell` hears how many of them pass."""
    over = None if seconds is None else time.monotonic() + seconds
    while True:
        now = client.send(get_machine(app, machine))
        if not has_checks(now.get("config") or {}):
            return
        checks = now.get("checks") or []
        failing = [check for check in checks if check["status"] != "passing"]
        tell(len(checks) - len(failing), len(checks))
        if checks and not failing:
            return
        if over is not None and time.monotonic() >= over:
            said = "; ".join(f"{check['name']}: {check.get('output') or check['status']}" for check in failing)
            raise TimedOut(
                f"timeout reached waiting for health checks of machine {machine} to pass: {said or 'none reported'}",
                hint=f"See fly machine status {machine} -a {app} and fly logs -a {app} --machine {machine}. A"
                " check that needs longer can have a grace_period; the deploy waits longer with --wait-timeout.",
            )
        time.sleep(POLL_SECONDS * 2)


def has_checks(config: Wire) -> bool:
    """Whether the machine's config has a check, at the top level or in a service."""
    return bool(config.get("checks")) or any(service.get("checks") for service in config.get("services") or [])


def tcp_ports(config: Wire) -> set[str]:
    """Ports that its TCP services expect to be listened on."""
    services = config.get("services") or []
    return {
        str(one["internal_port"]) for one in services if one.get("protocol", "tcp") == "tcp" and one["internal_port"]
    }


def listening(client: Client, app: str, machine: str) -> tuple[set[str], set[str]]:
    """Ports that others reach, and all addresses that are listened on; nothing when that cannot be seen."""
    try:
        addresses = _addresses(client, app, machine)
    except Problem:
        return set(), set()
    return _reached(addresses), addresses


def _addresses(client: Client, app: str, machine: str) -> set[str]:
    processes = client.send(list_processes(app, machine)) or []
    return {str(socket.get("address", "")) for one in processes for socket in one.get("listen_sockets") or []}


def _reached(addresses: set[str]) -> set[str]:
    """The ports of those that not only the machine itself reaches."""
    return {one.rpartition(":")[2] for one in addresses if not one.startswith(_LOOPBACK)}


def wait_listening(
    client: Client, app: str, machine: str, config: Wire, *, seconds: float = LISTEN_SECONDS
) -> set[str]:
    """Ports that nobody listens on for others even after so many seconds, or the longest grace period of a check."""
    checks = [*(config.get("checks") or {}).values()]
    checks += [check for service in config.get("services") or [] for check in service.get("checks") or []]
    grace = max((parse_duration(str(check.get("grace_period") or "0s")) for check in checks), default=0.0)
    over = time.monotonic() + max(seconds, grace)
    while True:
        try:
            missing = tcp_ports(config) - _reached(_addresses(client, app, machine))
        except Problem:
            return set()  # it cannot be seen, and so nothing can be said
        if not missing or time.monotonic() >= over:
            return missing
        time.sleep(POLL_SECONDS)


def _exits(machine: Wire) -> set[str]:
    """The ids of the times that it ended."""
    return {event["id"] for event in machine.get("events") or [] if event["type"] == "exit"}


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
