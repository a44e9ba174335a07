"""What an app is now, as `fly scale` wants to see it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from caddis.cli.call import Call
from caddis.cli.machine.show_machine import config_of, group_of, is_managed, volume_of
from caddis.cli.scale.counting.plan import MachineNow, Now, VolumeNow
from caddis.client.apps import get_app
from caddis.client.machines import list_machines
from caddis.client.volumes import list_volumes
from caddis.domain.errors import NotFound
from caddis.domain.ids import missing_app_hint

Wire = Mapping[str, Any]
DEFAULT_GROUP = "app"
_USABLE = ("created", "extending")


@dataclass(frozen=True, slots=True)
class Observed:
    """The app's machines that deploys manage, and its volumes, both as the API tells of them."""

    app: str
    machines: Sequence[Wire]
    volumes: Sequence[Wire]

    def of_group(self, group: str) -> list[Wire]:
        """Its machines, the best example first: one that is no standby, that runs, and the oldest of those."""
        mine = [machine for machine in self.machines if (group_of(machine) or DEFAULT_GROUP) == group]
        return sorted(
            mine,
            key=lambda machine: (
                bool(config_of(machine).get("standbys")),
                machine["state"] != "started",
                str(machine.get("created_at", "")),
                str(machine["id"]),
            ),
        )

    def now(self) -> Now:
        """In the planner's words."""
        return Now(
            machines=tuple(_machine(machine) for machine in self.machines),
            unattached=tuple(
                VolumeNow(
                    id=str(volume["id"]),
                    name=str(volume["name"]),
                    region=str(volume["region"]),
                    created_at=str(volume["created_at"]),
                )
                for volume in self.volumes
                if volume.get("attached_machine_id") is None
                and volume.get("host_status") == "ok"
                and volume["state"] in _USABLE
            ),
        )


def observe(call: Call, app: str) -> Observed:
    """Ask the API; NotFound, saying what to do, when there is no such app."""
    try:
        call.send(get_app(app))
    except NotFound as absent:
        raise NotFound(f"could not find app {app!r}", hint=missing_app_hint(app)) from absent
    machines = [machine for machine in call.send(list_machines(app)) if is_managed(machine)]
    return Observed(app, machines, call.send(list_volumes(app)))


def _machine(machine: Wire) -> MachineNow:
    return MachineNow(
        id=str(machine["id"]),
        group=group_of(machine) or DEFAULT_GROUP,
        region=str(machine["region"]),
        state=str(machine["state"]),
        volume=volume_of(machine) or None,
        is_standby=bool(config_of(machine).get("standbys")),
        host_ok=machine.get("host_status", "ok") == "ok",
        created_at=str(machine.get("created_at", "")),
    )
