"""An app and its machines, as `fly status` shows them (facts: cli-deploy-launch 3)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from caddis.cli.machine.show_machine import (
    checks_in_words,
    config_of,
    group_of,
    image_of,
    is_managed,
    metadata_of,
    volume_of,
)

Wire = Mapping[str, Any]
HEADER = ("Process", "ID", "Version", "Region", "State", "Role", "Checks", "Volume", "Last Updated")


def about_app(app: Wire, machines: Sequence[Wire]) -> list[tuple[str, str]]:
    """The vertical table."""
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


def machine_row(machine: Wire) -> list[str]:
    """One line of the machines' table; † marks a standby, 💀 a host that does not answer."""
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


def status_document(app: Wire, machines: Sequence[Wire]) -> dict[str, Any]:
    """As flyctl's --json."""
    managed = sorted(filter(is_managed, machines), key=lambda machine: str(machine["id"]))
    return {
        "ID": app["name"],
        "Name": app["name"],
        "Deployed": app["status"] in ("deployed", "suspended") or bool(managed),
        "Status": app["status"],
        "Hostname": app.get("hostname") or "",
        "Version": max((_version(machine) for machine in managed), default=0),
        "AppURL": "",
        "Organization": {"Slug": app["organization"]["slug"], "Name": app["organization"]["name"]},
        "PlatformVersion": "machines",
        "Machines": managed,
        **({"Network": app["network"]} if app.get("network") not in (None, "", "default") else {}),
    }
