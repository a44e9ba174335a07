"""Which volume a machine's mount means, and so on which host the machine has to be."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from caddis.catalog import index
from caddis.catalog.index import Indexed
from caddis.control.core import Control
from caddis.domain.errors import Conflict, InUse, Invalid
from caddis.domain.ids import VOLUME_ID
from caddis.domain.machine import Mount
from caddis.domain.volume import ATTACHABLE

_FIELD = "config.mounts[0].volume"


async def find_mountable(control: Control, app: str, mount: Mount, region: str) -> list[Indexed]:
    """The volumes that the mount may mean, best first: one if it gives an id, else every free one of that name.

    `region` is where the machine is wanted, "" for wherever the volume is. Whether a volume given by id is free is for
    its host to say, who knows it for certain.
    """
    if VOLUME_ID.match(mount.volume):
        volume = await _get_own(control, app, mount.volume)
        if region and volume.region != region:
            raise Invalid(
                f"volume {volume.id} is in region {volume.region} and the machine is wanted in {region}:"
                " a machine runs where its volume is",
                hint=f"use --region {volume.region}, or create a volume there: fly volumes create {volume.name}"
                f" --region {region} -a {app}",
                field=_FIELD,
            )
        return [volume]
    return await _list_free(control, app, mount.volume, region)


async def _get_own(control: Control, app: str, volume_id: str) -> Indexed:
    volume = await control.read(index.find_volume, volume_id)
    if volume is None:
        raise Invalid(
            f"volume {volume_id} does not exist", hint=f"fly volumes list -a {app} shows the ids", field=_FIELD
        )
    if volume.app != app:
        raise Invalid(f"volume {volume_id} belongs to another app, not to {app}", field=_FIELD)
    return volume


async def _list_free(control: Control, app: str, name: str, region: str) -> list[Indexed]:
    named = [volume for volume in await control.read(index.list_volumes, app) if volume.name == name]
    here = [volume for volume in named if not region or volume.region == region]
    free = [volume for volume in here if volume.state in ATTACHABLE and volume.attached_machine_id is None]
    if free:
        return free
    where = f" in region {region}" if region else ""
    create = f"fly volumes create {name}" + (f" --region {region}" if region else "") + f" -a {app}"
    attached = [volume for volume in here if volume.attached_machine_id is not None]
    if attached:
        raise InUse(f"every volume named {name}{where} is attached to a machine already", hint=create, field=_FIELD)
    if here:
        raise Conflict(f"volume {here[0].id} ({name}) is {here[0].state} and cannot be attached", hint=create)
    raise Invalid(f"app {app} has no volume named {name!r}{where}", hint=create, field=_FIELD)


def with_volume(document: Mapping[str, Any], volume: Indexed) -> dict[str, Any]:
    """A create or update body whose one mount names this volume by its id."""
    config = document["config"]
    mount = {**config["mounts"][0], "volume": volume.id, "name": volume.name}
    return {**document, "config": {**config, "mounts": [mount, *config["mounts"][1:]]}}
