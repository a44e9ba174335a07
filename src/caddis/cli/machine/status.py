"""`fly machine status [id]` (facts: cli-deploy-launch 5.4)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from caddis.cli.call import Call
from caddis.cli.flags import APP_FLAGS, switch
from caddis.cli.machine.selection import chosen_machine, get_one
from caddis.cli.machine.show_machine import config_of, event_time, group_of, image_of, size_of, volume_of
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
    checks = machine.get("checks") or []
    if checks:
        rows = [[str(check.get(key, "")) for key in ("name", "status", "output", "updated_at")] for check in checks]
        call.say(table(("Name", "Status", "Output", "Last Updated"), rows, title="Checks"), end="")
    events = [_event(event) for event in machine.get("events") or []]
    call.say(table(("State", "Event", "Source", "Timestamp", "Info"), events, title="Event Logs"), end="")


def _about(machine: Wire) -> list[tuple[str, str]]:
    config = config_of(machine)
    volume = volume_of(machine)
    command = (config.get("init") or {}).get("cmd") or []
    return [
        ("ID", str(machine["id"])),
        ("Instance ID", str(machine["instance_id"])),
        ("State", str(machine["state"])),
        ("Image", image_of(machine)),
        ("Name", str(machine.get("name", ""))),
        ("Private IP", str(machine.get("private_ip") or "")),
        ("Region", str(machine["region"])),
        ("Process Group", group_of(machine)),
        ("Size", size_of(machine)),
        ("Created", str(machine.get("created_at", ""))),
        ("Updated", str(machine.get("updated_at", ""))),
        ("Command", " ".join(str(word) for word in command)),
        *([("Volume", volume)] if volume else []),
    ]


def _event(event: Wire) -> list[str]:
    info = ""
    ended = (event.get("request") or {}).get("exit_event")
    if ended:
        info = (
            f"exit_code={ended.get('exit_code', 0)},oom_killed={str(bool(ended.get('oom_killed'))).lower()}"
            f",requested_stop={str(bool(ended.get('requested_stop'))).lower()}"
        )
    at = event_time(event).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return [str(event["status"]), str(event["type"]), str(event["source"]), at, info]


COMMAND = verb(
    run,
    usage="status [id]",
    examples=(
        "fly machine status 148e21b7c46d89",
        "fly machine status 148e21b7c46d89 -d  # with its config",
    ),
    flags=(*APP_FLAGS, switch("display-config", "d", help="Print the machine's config as JSON")),
    count=at_most(1),
)
