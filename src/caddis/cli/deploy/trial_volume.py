"""[deploy] release_command_volume = "fork": the release command tries itself on a copy of the app's volume.

It is erased, and not only destroyed: with a day for undo, each deploy would hold a volume's space for a day. It is
looked for by its name and not by its id, so that one that was still being made when the deploy was interrupted goes
too.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from caddis.cli.call import Call
from caddis.cli.deploy.wanted import Documents
from caddis.client.machines import destroy_machine
from caddis.client.volumes import create_volume, destroy_volume, list_volumes
from caddis.domain.errors import Conflict, NotFound, TimedOut
from caddis.wire.fly_toml.config import Mount
from caddis.wire.fly_toml.groups import default_group, mounts_for

_LATE_SECONDS = 3.0  # in which a volume whose making was interrupted may still appear
_DEADLINE_SECONDS = 60.0
_POLL_SECONDS = 0.25


@dataclass(frozen=True, slots=True)
class Trial:
    """What the release command's machine mounts, and where it has to be."""

    mount: Mapping[str, Any]
    region: str


@contextmanager
def trial_volume(call: Call, app: str, documents: Documents) -> Iterator[Trial | None]:
    """A fork of the app's volume for the length of the block; None where fly.toml does not ask, or there is none."""
    deploy = documents.config.deploy
    mount = _find_mount(documents)
    if deploy is None or deploy.release_command_volume != "fork" or mount is None:
        yield None
        return
    origin = _find_origin(call, app, mount.source, documents.config.primary_region)
    if origin is None:
        call.note(f"There is no volume {mount.source} to fork yet: the release command runs without one", "yellow")
        yield None
        return
    name = f"release_fork_v{documents.release_version}"
    call.note(f"Forking volume {origin['id']} ({mount.source}) for the release command")
    finished = False
    try:
        fork = call.send(create_volume(app, _wish(name, origin)))
        yield Trial({"volume": fork["id"], "name": name, "path": mount.destination}, str(fork["region"]))
        finished = True
    finally:
        _throw_away(call, app, name, patience=0.0 if finished else _LATE_SECONDS)


def _find_mount(documents: Documents) -> Mount | None:
    """The default group's, else the first that there is."""
    mounts = mounts_for(documents.config, default_group(documents.config)) or documents.config.mounts
    return mounts[0] if mounts else None


def _find_origin(call: Call, app: str, name: str, region: str) -> Mapping[str, Any] | None:
    """The volume in use, if one is; where the app's home is, if one is there; of these, the oldest."""
    volumes = [one for one in call.send(list_volumes(app)) if one["name"] == name and one["state"] == "created"]
    volumes.sort(
        key=lambda one: (not one["attached_machine_id"], one["region"] != region, str(one["created_at"]), one["id"])
    )
    return volumes[0] if volumes else None


def _wish(name: str, origin: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "name": name,
        "source_volume_id": origin["id"],
        "require_unique_zone": False,
        "auto_backup_enabled": False,
    }


def _throw_away(call: Call, app: str, name: str, *, patience: float) -> None:
    """Until no such volume is left; for `patience` seconds one may still appear."""
    begun = time.monotonic()
    while True:
        left = [one for one in call.send(list_volumes(app)) if one["name"] == name and one["state"] != "destroyed"]
        waited = time.monotonic() - begun
        if not left and waited >= patience:
            return
        if waited > _DEADLINE_SECONDS:
            raise TimedOut(
                f"the fork {left[0]['id']} for the release command was not gone within {_DEADLINE_SECONDS:g} s",
                hint=f"fly volumes destroy {left[0]['id']} -a {app}",
            )
        for volume in left:
            _end(call, app, volume)
        time.sleep(_POLL_SECONDS)


def _end(call: Call, app: str, volume: Mapping[str, Any]) -> None:
    """A machine that holds it goes first; both may be gone, or not ready to go, by now."""
    try:
        if volume["attached_machine_id"]:
            call.send(destroy_machine(app, str(volume["attached_machine_id"]), kill=True))
        else:
            call.send(destroy_volume(app, str(volume["id"]), erase=True))
    except (Conflict, NotFound):
        pass
