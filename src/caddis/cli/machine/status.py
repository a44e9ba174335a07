"""`fly machine status [id]` (facts: cli-deploy-launch 5.4)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from caddis.cli.call import Call
from caddis.cli.flags import APP_FLAGS, switch
from caddis.cli.machine.selection import chosen_machine, get_one
from caddis.cli.machine.show_machine import (
    checks_of,
    config_of,
    event_time,
    group_of,
    image_of,
    restart_of,
    since,
    volume_of,
)
from caddis.cli.tables import as_json, table, vertical
from caddis.cli.verb import at_most, verb

Wire = Mapping[str, Any]


def run(call: Call) -> None:
    """Everything that is known of one machine, its events newest first."""
    app = call.app()
    machine = get_one(call, app, chosen_machine(call, app, call.arguments))
    if call.switch("display-config"):
        call.say(as_json(config_of(machine), indent=2), end="")
        return
    call.say(f"Machine ID: {machine['id']}\nInstance ID: {machine['instance_id']}\nState: {machine['state']}")
    call.say(f"HostStatus: {machine.get('host_status', 'ok')}\n")
    call.say(vertical(_about(machine), title="VM"), end="")
    checks = [
        [str(check["name"]), str(check["status"]), since(check), str(check["output"])] for check in checks_of(machine)
    ]
    if checks:
        call.say(table(("Name", "Status", "Last Updated", "Output"), checks, title="Checks"), end="")
    events = [_event(event) for event in machine.get("events") or []]
    call.say(table(("State", "Event", "Source", "Timestamp", "Info"), events, title="Event Logs"), end="")


def _about(machine: Wire) -> list[tuple[str, str]]:
    config = config_of(machine)
    volume = volume_of(machine)
    guest, init = config.get("guest") or {}, config.get("init") or {}
    return [
        ("ID", str(machine["id"])),
        ("Instance ID", str(machine["instance_id"])),
        ("State", str(machine["state"])),
        ("Image", image_of(machine)),
        ("Name", str(machine.get("name", ""))),
        ("Private IP", str(machine.get("private_ip") or "")),
        ("Private IPv4", str(machine.get("private_ipv4") or "")),
        ("Region", str(machine["region"])),
        ("Process Group", group_of(machine)),
        ("CPU Kind", str(guest.get("cpu_kind", ""))),
        ("vCPUs", str(guest.get("cpus", ""))),
        ("Memory", str(guest.get("memory_mb", ""))),
        ("Restart Policy", restart_of(machine)),
        ("Created", str(machine.get("created_at", ""))),
        ("Updated", str(machine.get("updated_at", ""))),
        ("Entrypoint", _words(init.get("exec") or init.get("entrypoint"))),
        ("Command", _words(init.get("cmd"))),
        *([("Volume", volume)] if volume else []),
    ]


def _words(argv: Sequence[object] | None) -> str:
    return " ".join(str(word) for word in argv or ())


def _event(event: Wire) -> list[str]:
    at = event_time(event).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return [str(event["status"]), str(event["type"]), str(event["source"]), at, _info(event.get("request") or {})]


def _info(request: Wire) -> str:
    """How it ended and how often it was restarted since it last ran well, or why it did not start."""
    ended, words = request.get("exit_event"), []
    if ended:
        words.append(f"exit_code={ended.get('exit_code') or 0}")
        words += [f"{key}={str(bool(ended.get(key))).lower()}" for key in ("oom_killed", "requested_stop")]
        if ended.get("restarting") and request.get("restart_count"):
            words.append(f"restart_count={request['restart_count']}")
        if request.get("reason"):
            words.append(f"reason={request['reason']}")
        return ",".join(words)
    return str(request.get("reason", ""))


COMMAND = verb(
    run,
    usage="status [id]",
    examples=("fly machine status 148e21b7c46d89", "fly machine status 148e21b7c46d89 -d  # its config as JSON"),
    flags=(*APP_FLAGS, switch("display-config", "d", help="Print the machine's config as JSON")),
    count=at_most(1),
)
