"""What an app is now, as the planner wants to see it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from caddis.cli.call import Call
from caddis.cli.deploy.ledger import owed_of
from caddis.cli.deploy.moves import Current, MachineNow, MountNow, Owed, VolumeNow
from caddis.cli.deploy.replace import REPLACED_BY, REPLACES
from caddis.cli.machine.show_machine import config_of, group_of, is_managed, metadata_of
from caddis.client.apps import get_app
from caddis.client.machines import list_machines
from caddis.client.releases import list_releases
from caddis.client.volumes import list_volumes
from caddis.domain.errors import NotFound
from caddis.domain.ids import missing_app_hint

Wire = Mapping[str, Any]
_DEPLOYED = ("deployed", "suspended")


@dataclass(frozen=True, slots=True)
class Observed:
    """The app, its managed machines by id, and all of it in the planner's words."""

    app: Wire
    machines: Mapping[str, Wire]
    unmanaged: int
    current: Current


def observe(call: Call, app: str) -> Observed:
    """Ask the API. NotFound, saying what to do, when there is no such app."""
    try:
        found = call.send(get_app(app))
    except NotFound as absent:
        raise NotFound(
            f"could not find app {app!r}: did you create it, or is its name misspelled?",
            hint=missing_app_hint(app),
        ) from absent
    machines: list[Wire] = call.send(list_machines(app))
    managed = {str(machine["id"]): machine for machine in machines if is_managed(machine)}
    volumes: list[Wire] = call.send(list_volumes(app))
    current = Current(
        machines=tuple(_machine(machine) for machine in managed.values()),
        unattached=tuple(_unattached(volumes)),
        # also where an earlier first deploy failed half-way: its missing volumes are created by the next one
        is_first=found.get("status") not in _DEPLOYED,
        owed=_owed(call, app),
    )
    return Observed(found, managed, len(machines) - len(managed), current)


def _owed(call: Call, app: str) -> tuple[Owed, ...]:
    newest = next(iter(call.send(list_releases(app, limit=1))["releases"]), None)
    return tuple(
        Owed(group=str(one["group"]), region=str(one["region"]), volume=str(one["volume"]))
        for one in owed_of(newest)
        if one["volume"]
    )


def _unattached(volumes: Sequence[Wire]) -> list[VolumeNow]:
    return [
        VolumeNow(id=str(volume["id"]), name=str(volume["name"]), region=str(volume["region"]))
        for volume in volumes
        if volume.get("attached_machine_id") is None
        and volume.get("host_status") == "ok"
        and volume["state"] in ("created", "extending")
    ]


def _machine(machine: Wire) -> MachineNow:
    mounts = config_of(machine).get("mounts") or []
    mount = None
    if mounts:
        first = mounts[0]
        mount = MountNow(
            volume=str(first.get("volume", "")), name=str(first.get("name") or ""), path=str(first.get("path", ""))
        )
    return MachineNow(
        id=str(machine["id"]),
        group=group_of(machine) or "app",
        region=str(machine["region"]),
        state=str(machine["state"]),
        mount=mount,
        host_ok=machine.get("host_status", "ok") == "ok",
        is_standby=bool(config_of(machine).get("standbys")),
        crashed=machine["state"] == "stopped" and ended_by_itself(machine),
        image=str(config_of(machine).get("image") or ""),
        is_canary=metadata_of(machine).get("fly_canary") == "true",
        replaces=str(metadata_of(machine).get(REPLACES) or ""),
        replaced_by=str(metadata_of(machine).get(REPLACED_BY) or ""),
    )


def ended_by_itself(machine: Wire) -> bool:
    """Whether its newest end was a failure that nobody asked for; one stopped by hand is to stay stopped."""
    for event in machine.get("events") or []:
        if event["type"] == "exit":
            ended = (event.get("request") or {}).get("exit_event") or {}
            return not ended.get("requested_stop") and ended.get("exit_code", 0) != 0
    return False
