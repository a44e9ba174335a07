"""What a deploy writes down with its release while it works, so that the next one and a rollback can go by it.

snapshots   which volume of which machine was snapshotted before it was touched
moved       which machine took another's place, and on which volume
owed        machines that were destroyed and are not created anew yet
extras      what the command line added to fly.toml, and the local files it names
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from caddis.cli.call import Call
from caddis.cli.deploy.moves import Owed
from caddis.client.releases import finish_release, note_release
from caddis.domain.errors import Problem

Wire = Mapping[str, Any]


class Ledger:
    """Of one release. May be used from several threads."""

    def __init__(self, call: Call, release_id: str) -> None:
        self._call, self._id = call, release_id
        self._notes: dict[str, list[dict[str, Any]]] = {"snapshots": [], "moved": [], "owed": []}
        self._lock = threading.Lock()

    def note_snapshot(self, *, machine: str, group: str, volume: str, snapshot: str) -> None:
        """Before the machine is touched."""
        self._add("snapshots", {"machine": machine, "group": group, "volume": volume, "snapshot": snapshot})

    def note_moved(self, *, machine: str, to: str, volume: str | None, to_volume: str | None) -> None:
        """After the new machine has the old one's place."""
        self._add("moved", {"machine": machine, "to": to, "volume": volume, "to_volume": to_volume})

    def note_owed(self, *, machine: str, group: str, region: str, volume: str | None) -> None:
        """Before a machine is destroyed that can only be created anew afterwards."""
        self._add("owed", {"machine": machine, "group": group, "region": region, "volume": volume})

    def carry(self, owed: Sequence[Owed]) -> None:
        """What the release before left undone is this one's to do; should it fail too, the next one's."""
        if owed:
            with self._lock:
                self._notes["owed"] = [asdict(one) for one in owed]
                self._send("owed")

    def pay(self, volume: str | None) -> None:
        """A machine with this volume was created anew."""
        with self._lock:
            self._notes["owed"] = [one for one in self._notes["owed"] if one["volume"] != volume]
            self._send("owed")

    def end(self, status: str, error: str) -> None:
        """Complete, failed or interrupted; a Problem is only told: the deploy is over either way."""
        try:
            self._call.send(finish_release(self._id, status, error=error))
        except Problem as problem:
            self._call.note(f"WARNING: the release could not be marked {status}: {problem.message}", "yellow")

    def _add(self, kind: str, note: dict[str, Any]) -> None:
        with self._lock:
            self._notes[kind].append(note)
            self._send(kind)

    def _send(self, kind: str) -> None:
        self._call.send(note_release(self._id, {kind: self._notes[kind]}))


def owed_of(release: Wire | None) -> list[Wire]:
    """What the newest release left undone."""
    if release is None or release.get("status") == "complete":
        return []
    owed: list[Wire] = (release.get("metadata") or {}).get("owed") or []
    return owed
