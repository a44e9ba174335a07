"""New volumes with the data of an earlier release. The present ones are only set aside: nothing is overwritten."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from caddis.cli.call import Call
from caddis.cli.deploy.history import Comeback
from caddis.cli.deploy.ledger import owed_of
from caddis.cli.deploy.moves import Plan, ReplaceMachine, UpdateMachine
from caddis.cli.scale.counting.words import one_zone
from caddis.client.releases import list_releases
from caddis.client.snapshots import list_snapshots
from caddis.client.volumes import create_volume, destroy_volume, get_volume, list_volumes
from caddis.domain.errors import NotFound, Problem, TimedOut

_DEADLINE_SECONDS = 900.0
_POLL_SECONDS = 0.1


@dataclass(kw_only=True)
class NewVolumes:
    """Made of snapshots, one for each machine; thrown away again as long as no machine has them."""

    call: Call
    app: str
    comebacks: Sequence[Comeback]
    made: dict[str, str] = field(default_factory=dict)  # by machine

    def check(self) -> dict[str, str]:
        """When each snapshot was taken, by its id. NotFound, naming them, when some are gone."""
        taken, gone = {}, []
        for one in self.comebacks:
            there = self.call.send(list_snapshots(self.app, one.origin))
            mine = next((each for each in there if each["id"] == one.snapshot and each["status"] == "created"), None)
            if mine is None:
                gone.append(f"{one.snapshot} of volume {one.origin}")
            else:
                taken[one.snapshot] = str(mine["created_at"])
        if gone:
            raise NotFound(
                f"the data cannot be brought back: snapshot {', '.join(gone)} has expired and is gone",
                hint="Roll back without --with-data, or keep snapshots longer: fly volumes update VOLUME_ID"
                " --snapshot-retention 30",
            )
        return taken

    def make(self, the_plan: Plan) -> Mapping[str, str]:
        """Their ids by machine. When one cannot be made, none stays, and nothing else was changed."""
        kinds = UpdateMachine | ReplaceMachine
        planned = {move.machine for move in the_plan.moves if isinstance(move, kinds)}
        volumes = {str(one["id"]): one for one in self.call.send(list_volumes(self.app))}
        for one in self.comebacks:
            if one.held.machine not in planned:
                continue
            old = volumes[one.held.volume]
            volume = str(self.call.send(create_volume(self.app, _wish(one, old)))["id"])
            self.made[one.held.machine] = volume
            self._wait(volume)
            self.call.say(f"Created volume {volume} of snapshot {one.snapshot} for machine {one.held.machine}")
        self._tell_about_zones(volumes)
        return self.made

    def _tell_about_zones(self, before: Mapping[str, Mapping[str, Any]]) -> None:
        """The rule of two: where a pool is full, volumes that stood apart come back together."""
        zones = {str(one["id"]): str(one["zone"]) for one in self.call.send(list_volumes(self.app))}
        groups: dict[str, list[tuple[str, str]]] = {}
        for one in self.comebacks:
            if one.held.machine in self.made:
                pair = str(before[one.held.volume]["zone"]), zones[self.made[one.held.machine]]
                groups.setdefault(one.held.group, []).append(pair)
        for group, pairs in groups.items():
            if len({old for old, _new in pairs}) > len({new for _old, new in pairs}) == 1:
                self.call.note(one_zone(group, pairs[0][1], len(pairs)), "yellow")

    def throw_away_unused(self) -> None:
        """Those that no machine has, and none is owed."""
        if not self.made:
            return
        try:
            newest = next(iter(self.call.send(list_releases(self.app, limit=1))["releases"]), None)
            owed = {one["volume"] for one in owed_of(newest)}
            mine = set(self.made.values()) - owed
            for volume in self.call.send(list_volumes(self.app)):
                if volume["id"] in mine and not volume["attached_machine_id"]:
                    self.call.send(destroy_volume(self.app, str(volume["id"]), erase=True))
        except Problem as problem:
            self.call.note(f"WARNING: new volumes may be left: {problem.message}", "yellow")

    def _wait(self, volume: str) -> None:
        over = time.monotonic() + _DEADLINE_SECONDS
        while time.monotonic() < over:
            if self.call.send(get_volume(self.app, volume))["state"] == "created":
                return
            time.sleep(_POLL_SECONDS)
        raise TimedOut(f"volume {volume} was not there within {_DEADLINE_SECONDS:g} s")


def _wish(comeback: Comeback, old: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "name": old["name"],
        "region": old["region"],
        "snapshot_id": comeback.snapshot,
        "require_unique_zone": False,
        "snapshot_retention": old["snapshot_retention"],
        "auto_backup_enabled": old["auto_backup_enabled"],
    }
