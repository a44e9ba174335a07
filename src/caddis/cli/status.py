"""`fly status` (facts: cli-deploy-launch 3)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from caddis.cli.call import Call
from caddis.cli.flags import APP_FLAGS, JSON, number, switch
from caddis.cli.machine.show_machine import (
    checks_in_words,
    config_of,
    group_of,
    image_of,
    is_managed,
    metadata_of,
    volume_of,
)
from caddis.cli.tables import as_json, table, vertical
from caddis.cli.verb import at_most, verb
from caddis.client.apps import get_app
from caddis.client.machines import list_machines
from caddis.domain.errors import Invalid

Wire = Mapping[str, Any]
HEADER = ("Process", "ID", "Version", "Region", "State", "Role", "Checks", "Volume", "Last Updated")


def run(call: Call) -> None:
    """Once, or again and again with --watch."""
    if not call.switch("watch"):
        _show(call)
        return
    if call.json:
        raise Invalid("--watch and --json are not supported together")
    if not call.interactive:
        raise Invalid("--watch is not supported for non-interactive sessions")
    rate = call.number("rate")
    if not 1 <= rate <= 3600:
        raise Invalid("--rate must be in the [1, 3600] range")
    import time

    while True:
        call.say("\x1b[2J\x1b[H", end="")
        _show(call)
        time.sleep(rate)


def _show(call: Call) -> None:
    name = call.app()
    app = call.send(get_app(name))
    machines = call.send(list_machines(name))
    if call.json:
        call.say(as_json(_as_document(app, machines)), end="")
        return
    call.say(vertical(_about(app, machines), title="App"), end="")
    managed = [machine for machine in machines if is_managed(machine)]
    if managed:
        rows = sorted(_row(machine) for machine in managed)
        call.say(table(HEADER, rows, title="Machines"), end="")
        if any("†" in row[0] for row in rows):
            call.say("  † Standby machine (it will take over only in case of host hardware failure)")
        if any("💀" in row[1] for row in rows):
            call.say("  💀 The machine's host cannot be reached")
    if len(managed) < len(machines):
        call.say(
            f"Found {len(machines) - len(managed)} machines that deploys do not manage: fly machines list -a {name}"
        )


def _about(app: Wire, machines: Sequence[Wire]) -> list[tuple[str, str]]:
    return [
        ("Name", str(app["name"])),
        ("Owner", str(app["organization"]["slug"])),
        ("Hostname", str(app.get("hostname") or "-")),
        ("Image", _latest_image(machines)),
        *([("Network", str(app["network"]))] if app.get("network") not in (None, "", "default") else []),
    ]


def _version(machine: Wire) -> int:
    text = str(metadata_of(machine).get("fly_release_version") or "0")
    return int(text) if text.isdigit() else 0


def _latest_image(machines: Sequence[Wire]) -> str:
    managed = [machine for machine in machines if is_managed(machine)]
    return image_of(max(managed, key=_version)) if managed else "-"


def _row(machine: Wire) -> list[str]:
    standby = bool(config_of(machine).get("standbys"))
    away = machine.get("host_status", "ok") != "ok"
    return [
        f"{group_of(machine) or '<default>'}{'†' if standby else ''}",
        f"{machine['id']}{'💀' if away else ''}",
        str(_version(machine) or ""),
        str(machine["region"]),
        str(machine["state"]),
        str(metadata_of(machine).get("role", "")),
        checks_in_words(machine),
        volume_of(machine),
        str(machine.get("updated_at", "")),
    ]


def _as_document(app: Wire, machines: Sequence[Wire]) -> dict[str, Any]:
    managed = [machine for machine in machines if is_managed(machine)]
    return {
        "ID": app["name"],
        "Name": app["name"],
        "Deployed": bool(managed),
        "Status": app["status"],
        "Hostname": app.get("hostname") or "",
        "Version": max((_version(machine) for machine in managed), default=0),
        "AppURL": "",
        "Organization": {"Slug": app["organization"]["slug"], "Name": app["organization"]["name"]},
        "PlatformVersion": "machines",
        "Machines": list(machines),
    }


COMMAND = verb(
    run,
    usage="status",
    short="Show the status of an app",
    flags=(
        *APP_FLAGS,
        JSON,
        switch("all", help="No effect, kept for scripts"),
        switch("deployment", help="No effect, kept for scripts"),
        switch("watch", help="Show the status again and again"),
        number("rate", help="Seconds between two looks with --watch", default=5),
    ),
    count=at_most(0),
)
