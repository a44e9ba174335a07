"""A snapshot of a machine's volume right before a release touches the machine (docs/decisions/0033)."""

from __future__ import annotations

import time
from dataclasses import dataclass
from enum import StrEnum

from caddis.cli.call import Call
from caddis.cli.deploy.ledger import Ledger
from caddis.cli.deploy.moves import Change, UpdateMachine
from caddis.cli.deploy.progress import Progress
from caddis.client.snapshots import create_snapshot, list_snapshots
from caddis.domain.errors import Conflict, Problem, TimedOut

_DEADLINE_SECONDS = 60.0
_FIRST_POLL, _LONGEST_POLL = 0.02, 0.25  # seconds: most are there within 50 ms


class Wish(StrEnum):
    """What fly.toml or --snapshot-before say."""

    OFF = "off"
    TRY = "try"  # nobody said anything: where it can be had
    MUST = "must"  # without one the machine is left alone


@dataclass(frozen=True, kw_only=True)
class Snapshots:
    """Taken one by one, each before its machine is touched."""

    call: Call
    app: str
    wish: Wish
    ledger: Ledger
    progress: Progress

    def take(self, change: Change, count: str) -> None:
        """Ensure, and note with the release. Conflict, the machine untouched, when it must be and cannot."""
        volume = change.volume if isinstance(change, UpdateMachine) else change.loses
        if volume is None or self.wish is Wish.OFF:
            return
        begun = time.monotonic()
        try:
            snapshot = self._take(volume)
        except Problem as problem:
            if self.wish is Wish.MUST:
                raise Conflict(
                    f"machine {change.machine} [{change.group}] was not touched, because its volume {volume} could not"
                    f" be snapshotted first: {problem.message}",
                    hint=problem.hint or "Deploy without one: fly deploy --snapshot-before=false",
                ) from problem
            self.progress.say(f"{count} WARNING: no snapshot of volume {volume} before the release: {problem.message}")
            return
        self.ledger.note_snapshot(machine=change.machine, group=change.group, volume=volume, snapshot=snapshot)
        milliseconds = (time.monotonic() - begun) * 1000
        self.progress.say(f"{count} Snapshot {snapshot} of volume {volume} was taken ({milliseconds:.0f} ms)")

    def _take(self, volume: str) -> str:
        id = str(self.call.send(create_snapshot(self.app, volume))["id"])
        over, poll = time.monotonic() + _DEADLINE_SECONDS, _FIRST_POLL
        while time.monotonic() < over:
            mine = next((one for one in self.call.send(list_snapshots(self.app, volume)) if one["id"] == id), None)
            if mine is None or mine["status"] == "failed":
                raise Conflict(str((mine or {}).get("problem") or f"snapshot {id} failed"))
            if mine["status"] == "created":
                return id
            time.sleep(poll)
            poll = min(_LONGEST_POLL, poll * 2)
        raise TimedOut(f"snapshot {id} was not there within {_DEADLINE_SECONDS:g} s")
