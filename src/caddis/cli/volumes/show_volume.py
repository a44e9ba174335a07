"""How a volume is shown, and how one is chosen when none was named (facts: cli-volumes 2 to 5)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from caddis.cli.call import Call
from caddis.cli.tables import as_json, block, header_line
from caddis.cli.times import ago, rfc822
from caddis.cli.volumes.show_limits import limit_rows
from caddis.client.volumes import list_volumes
from caddis.domain.errors import Invalid, NotFound
from caddis.wire.time import time_from_wire

Wire = Mapping[str, Any]

HEADER = ("ID", "State", "Name", "Size", "Region", "Zone", "Encrypted", "Attached VM", "Created At")
BEING_DESTROYED = ("scheduling_destroy", "fork_cleanup", "waiting_for_detach", "pending_destroy", "destroying")
_FIELDS = (
    "id",
    "name",
    "state",
    "size_gb",
    "region",
    "zone",
    "encrypted",
    "attached_machine_id",
    "attached_alloc_id",
    "created_at",
    "host_dedication_id",
    "snapshot_retention",
    "auto_backup_enabled",
    "host_status",
)

_OURS = ("io_limits", "bytes_used", "bytes_total", "last_kept_snapshot_id", "last_kept_at")

TWO_OR_MORE = (
    "every volume is pinned to one physical host. Create two or more volumes per application to avoid downtime:"
    " when that host fails, an app with a single volume is down, and its data may be lost."
)


def print_volume(call: Call, volume: Wire, app: str) -> None:
    """The block, or the JSON object."""
    if call.json:
        call.say(as_json(volume_json(volume)), end="")
        return
    created = time_from_wire(str(volume["created_at"]))
    rows = (
        ("ID", volume["id"]),
        ("Name", volume["name"]),
        ("App", app),
        ("Region", volume["region"]),
        ("Zone", volume["zone"]),
        ("Size GB", volume["size_gb"]),
        ("Encrypted", _truth(volume["encrypted"])),
        ("Created at", rfc822(created)),
        ("Snapshot retention", volume.get("snapshot_retention", 0)),
        ("Scheduled snapshots", _truth(volume.get("auto_backup_enabled", False))),
        *limit_rows(volume.get("io_limits") or {}),
    )
    call.say(block((label, str(value)) for label, value in rows), end="")


def volume_json(volume: Wire) -> dict[str, Any]:
    """The fields that flyctl prints, in its order, and after them those that are ours."""
    theirs = {key: volume.get(key) for key in _FIELDS if key != "host_status" or volume.get(key)}
    return theirs | {key: volume[key] for key in _OURS if key in volume}


def row(volume: Wire, now: datetime, *, mark_unreachable: bool = True) -> list[str]:
    """A line of the table."""
    away = mark_unreachable and volume.get("host_status") == "unreachable"
    return [
        f"{volume['id']}{'*' if away else ''}",
        str(volume["state"]),
        str(volume["name"]),
        f"{volume['size_gb']}GB",
        str(volume["region"]),
        str(volume["zone"]),
        _truth(volume["encrypted"]),
        str(volume.get("attached_machine_id") or ""),
        ago(time_from_wire(str(volume["created_at"])), now),
    ]


def is_shown(volume: Wire) -> bool:
    """Whether a plain list shows it."""
    return volume["state"] not in BEING_DESTROYED


def choose_volume(call: Call, app: str) -> str:
    """The id that was named, or one chosen from a menu."""
    if call.arguments:
        return call.arguments[0]
    if not call.interactive:
        raise Invalid(
            "volume ID must be specified when not running interactively",
            hint=f"fly volumes list -a {app} shows them.",
        )
    volumes = [volume for volume in call.send(list_volumes(app)) if is_shown(volume)]
    if not volumes:
        raise NotFound(f"no volumes found in app '{app}'")
    return str(volumes[_menu(volumes)]["id"])


def _menu(volumes: Sequence[Wire]) -> int:
    from caddis.cli.prompts import select

    now = datetime.now(UTC)
    header, lines = header_line(HEADER, [row(volume, now, mark_unreachable=False) for volume in volumes])
    return select(f"{header}\nSelect volume:", lines)


def _truth(value: object) -> str:
    return "true" if value else "false"
