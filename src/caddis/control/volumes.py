"""Volumes: placing new ones, and finding the host of those that are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from caddis.catalog import index
from caddis.catalog.index import Indexed
from caddis.control.core import Control
from caddis.control.orders import CHANGE_SECONDS, Answer, Order, Passage
from caddis.control.placement import ask_in_turn, default_region
from caddis.control.shown import Shown, is_silent, show
from caddis.domain import ids
from caddis.domain.errors import Conflict, Invalid, NotFound, Unreachable
from caddis.domain.placement import Sibling, Source, VolumeWish, choose_copy_hosts, choose_volume_hosts
from caddis.domain.sizes import GIB
from caddis.domain.snapshot import check_large_enough
from caddis.domain.volume import VolumeState
from caddis.wire.body import document_to_body
from caddis.wire.volume import DEFAULT_SIZE_GB, VolumeRequest, volume_request_from_wire

_GOING = frozenset({VolumeState.SCHEDULING_DESTROY, VolumeState.PENDING_DESTROY, VolumeState.DESTROYING})


async def find_snapshot(control: Control, app: str, snapshot_id: str) -> Indexed:
    """Where it is; NotFound, also for a snapshot of another app."""
    found = await control.read(index.find_snapshot, snapshot_id)
    if found is None or found.app != app:
        raise NotFound(
            f"snapshot not found: app {app} has no snapshot {snapshot_id}, or it has expired",
            hint=f"fly volumes snapshots list <volume id> -a {app}",
            field="snapshot_id",
        )
    return found


async def list_volumes(control: Control, app: str) -> list[Shown]:
    """All of an app, from the index."""
    now = control.now()
    return [show(volume, silent=is_silent(volume, now)) for volume in await control.read(index.list_volumes, app)]


async def find_volume(control: Control, app: str, volume_id: str) -> Indexed:
    """Where it is; NotFound, also for a volume of another app."""
    found = await control.read(index.find_volume, volume_id)
    if found is None or found.app != app:
        raise NotFound(f"volume not found: app {app} has no volume {volume_id}", hint=f"fly volumes list -a {app}")
    return found


async def get_volume(control: Control, app: str, volume_id: str) -> Answer:
    """As its host sees it now; if that does not answer, the last known state, marked as such."""
    found = await find_volume(control, app, volume_id)
    try:
        host = await control.get_host(found.host)
        return await control.doors.send(host, Order(method="GET", path=f"/volumes/{volume_id}", app=app))
    except Unreachable:
        return Answer(status=200, body=document_to_body(show(found, silent=True)))


async def change_volume(control: Control, app: str, volume_id: str, passage: Passage) -> Answer:
    """The host's own answer to a change."""
    found = await find_volume(control, app, volume_id)
    return await control.order(await control.get_host(found.host), passage.to_order(app, f"/volumes/{volume_id}"))


async def create_volume(
    control: Control, app: str, document: Mapping[str, Any], *, user: str, path: str = "/volumes"
) -> Answer:
    """A new volume on the best host that has room, asked at `path`. Invalid or NoCapacity before anything changed."""
    request = volume_request_from_wire(document)
    async with control.placing[app]:
        hosts = await control.list_hosts()
        siblings = await _siblings(control, app)
        if request.snapshot_id or request.source_volume_id:
            source = await _find_source(control, app, request)
            size_gb = request.size_gb or source.size_gb
            region = request.region or source.region
            chosen = choose_copy_hosts(_wish(request, region, size_gb), hosts, siblings, source)
            if chosen and chosen[0].id != source.host:
                document = await _bring_to_store(control, app, document, source, user=user)
        else:
            size_gb = request.size_gb or DEFAULT_SIZE_GB
            region = request.region or default_region(hosts)
            chosen = choose_volume_hosts(_wish(request, region, size_gb), hosts, siblings)
        body = {**document, "id": ids.volume_id(control.id_bytes()), "region": region, "size_gb": size_gb}
        order = Order(
            method="POST",
            path=path,
            app=app,
            body=document_to_body(body),
            user=user,
            seconds=CHANGE_SECONDS,
        )
        return await ask_in_turn(control, chosen, order)


async def _find_source(control: Control, app: str, request: VolumeRequest) -> Source:
    """What is to be copied; Invalid, NotFound or Conflict when that cannot be."""
    if request.snapshot_id and request.source_volume_id:
        raise Invalid("a volume is made from a snapshot or from a volume, not from both", field="snapshot_id")
    if request.snapshot_id:
        found = await find_snapshot(control, app, request.snapshot_id)
        told = msgspec.json.decode(found.body)
        size = told["volume_size"] // GIB
        what, of = f"snapshot {found.id}", found.volume
        is_local, is_kept = told.get("is_local", True), told.get("kept_at") is not None
    else:
        found = await find_volume(control, app, request.source_volume_id or "")
        if found.state in _GOING:
            raise Conflict(
                f"volume {found.id} is {found.state}: only a volume in use or at rest can be copied",
                hint=f"fly volumes restore {found.id} -a {app}",
            )
        told = msgspec.json.decode(found.body)
        size = told["size_gb"]
        what, of, is_local = f"volume {found.id}", found.id, True
        is_kept = (await control.get_host(found.host)).capacity.keeps
    check_large_enough(request.size_gb or size, size, what)
    return Source(
        host=found.host,
        region=found.region,
        size_gb=size,
        what=what,
        volume_id=of,
        is_local=is_local,
        is_kept=is_kept,
        encrypted=told.get("encrypted", True),
    )


async def _bring_to_store(
    control: Control, app: str, document: Mapping[str, Any], source: Source, *, user: str
) -> Mapping[str, Any]:
    """What another host is asked for: a kept snapshot. Of a volume, one is taken now, and shipped as soon as may be."""
    if document.get("snapshot_id"):
        return {**document, "kept_of": source.volume_id, "encrypted": source.encrypted}
    order = Order(
        method="POST", path=f"/volumes/{source.volume_id}/snapshots", app=app, user=user, seconds=CHANGE_SECONDS
    )
    answer = await control.order(await control.get_host(source.host), order)
    if answer.problem is not None:
        raise answer.problem
    begun = {"snapshot_id": answer.document["id"], "kept_of": source.volume_id, "encrypted": source.encrypted}
    return {**document, **begun}


def _wish(request: VolumeRequest, region: str, size_gb: int) -> VolumeWish:
    return VolumeWish(
        name=request.name,
        region=region,
        size_gb=size_gb,
        require_unique_zone=request.require_unique_zone,
        unique_zone_app_wide=request.unique_zone_app_wide,
        memory_mb=request.compute.memory_mb if request.compute else 0,
    )


async def _siblings(control: Control, app: str) -> list[Sibling]:
    return [
        Sibling(name=volume.name, region=volume.region, zone=volume.zone)
        for volume in await control.read(index.list_volumes, app)
        if volume.state not in _GOING
    ]
