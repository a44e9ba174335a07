"""`fly volumes snapshots list <volume id>` (facts: cli-volumes 10.1)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from caddis.cli.call import Call
from caddis.cli.flags import APP_FLAGS, JSON
from caddis.cli.tables import as_json, table
from caddis.cli.times import ago
from caddis.cli.verb import exactly, verb
from caddis.cli.volumes.whose import choose_app
from caddis.client.snapshots import list_snapshots
from caddis.domain.sizes import format_bytes
from caddis.wire.time import time_from_wire

_HEADER = ("ID", "Status", "Stored Size", "Vol Size", "Created At", "Retention Days")
_RIGHT = (2, 3, 5)
_FIELDS = ("id", "size", "volume_size", "digest", "created_at", "status", "retention_days")


def run(call: Call) -> None:
    """Oldest first; also those of a volume that was destroyed."""
    volume = call.arguments[0]
    snapshots = call.send(list_snapshots(choose_app(call), volume))
    if call.json:
        call.say(as_json([{key: one.get(key) for key in _FIELDS} for one in snapshots]), end="")
        return
    if not snapshots:
        call.note(f"No snapshots available for volume {volume}")
        return
    now = datetime.now(UTC)
    call.say(table(_HEADER, [_row(one, now) for one in snapshots], title="Snapshots", right=_RIGHT), end="")
    call.say(f"Total stored size: {format_bytes(sum(int(one['size']) for one in snapshots))}")
    for one in snapshots:
        if one.get("problem"):
            call.note(f"{one['id']} failed: {one['problem']}", "yellow")


def _row(snapshot: dict[str, Any], now: datetime) -> list[str]:
    created = snapshot.get("created_at")
    retention = snapshot.get("retention_days")
    return [
        str(snapshot["id"] or "(pending)"),
        str(snapshot["status"]),
        format_bytes(int(snapshot["size"])),
        format_bytes(int(snapshot["volume_size"])),
        ago(time_from_wire(str(created)), now) if created else "",
        "" if retention is None else str(retention),
    ]


COMMAND = verb(
    run,
    usage="list <volume id>",
    examples=(
        "fly volumes snapshots list vol_4ze86k1w0n2rq5py",
        "fly volumes snapshots list vol_4ze86k1w0n2rq5py --json",
    ),
    flags=(*APP_FLAGS, JSON),
    count=exactly(1),
)
