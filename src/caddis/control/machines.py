"""Machines: placing new ones, and finding the host of those that are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import msgspec

from caddis.catalog import index
from caddis.catalog.index import Indexed
from caddis.control.core import Control
from caddis.control.mounts import find_mountable, with_volume
from caddis.control.orders import CHANGE_SECONDS, Answer, Order, Passage, Query
from caddis.control.placement import ask_in_turn, default_region
from caddis.control.secrets import choose_for_machine
from caddis.control.shown import Shown, is_silent, show
from caddis.domain import ids
from caddis.domain.app import App
from caddis.domain.errors import InUse, NotFound, Unreachable
from caddis.domain.ids import VOLUME_ID
from caddis.domain.placement import choose_machine_hosts
from caddis.wire.body import document_from_body, document_to_body
from caddis.wire.machine import machines_summary
from caddis.wire.machine_request import MachineRequest, machine_request_from_wire
from caddis.wire.secret import IN_ORDER, machine_secrets_to_wire


@dataclass(frozen=True, slots=True, kw_only=True)
class MachineFilter:
    """Which machines of an app to list; empty fields ask for nothing."""

    include_destroyed: bool = False
    region: str = ""
    states: frozenset[str] = frozenset()
    metadata: Mapping[str, str] = field(default_factory=dict)
    summary: bool = False
    after: str = ""  # an id: those that follow it
    limit: int = 0  # 0 for all


async def list_machines(control: Control, app: str, wanted: MachineFilter) -> tuple[list[Shown], str]:
    """Machines from the index, and the id to go on after; "" when that is all."""
    include = wanted.include_destroyed or index.DESTROYED in wanted.states
    found = await control.read(index.list_machines, app, include_destroyed=include)
    kept = [machine for machine in found if _is_wanted(machine, wanted)]
    page = kept[: wanted.limit] if wanted.limit else kept
    more = page[-1].id if page and len(page) < len(kept) else ""
    now = control.now()
    shown = [show(machine, silent=is_silent(machine, now)) for machine in page]
    if wanted.summary:
        return [*machines_summary([_decode(machine) for machine in shown])], more
    return shown, more


def _is_wanted(machine: Indexed, wanted: MachineFilter) -> bool:
    if wanted.region and machine.region != wanted.region:
        return False
    if wanted.states and machine.state not in wanted.states:
        return False
    if machine.id <= wanted.after:
        return False
    if not wanted.metadata:
        return True
    has = ((msgspec.json.decode(machine.body).get("config") or {}).get("metadata")) or {}
    return all(has.get(key) == value for key, value in wanted.metadata.items())


def _decode(shown: Shown) -> Mapping[str, Any]:
    return msgspec.json.decode(shown, type=dict[str, Any]) if isinstance(shown, msgspec.Raw) else shown


async def find_machine(control: Control, app: str, machine_id: str) -> Indexed:
    """Where it is; NotFound, in the words that clients look for, also for a machine of another app."""
    found = await control.read(index.find_machine, machine_id)
    if found is None or found.app != app:
        raise NotFound(f"machine not found: app {app} has no machine {machine_id}", hint=f"fly machine list -a {app}")
    return found


async def get_machine(control: Control, app: str, machine_id: str, query: Query) -> Answer:
    """As its host sees it now; if that does not answer, the last known state, marked as such."""
    found = await find_machine(control, app, machine_id)
    try:
        host = await control.get_host(found.host)
        order = Order(method="GET", path=f"/machines/{machine_id}", app=app, query=query)
        return await control.doors.send(host, order)
    except Unreachable:
        return Answer(status=200, body=document_to_body(show(found, silent=True)))


async def pass_on(control: Control, app: str, machine_id: str, passage: Passage) -> Answer:
    """The host's own answer."""
    found = await find_machine(control, app, machine_id)
    return await control.order(await control.get_host(found.host), passage.to_order(app, f"/machines/{machine_id}"))


async def create_machine(control: Control, app: App, document: Mapping[str, Any], *, user: str) -> Answer:
    """A new machine: where its volume is, else on the best host that has room. Fields we do not know are passed on."""
    request = machine_request_from_wire(document)
    named = await _with_secrets(control, app, {**document, "id": ids.machine_id(control.id_bytes())}, request)
    if request.config.mounts:
        volumes = await find_mountable(control, app.name, request.config.mounts[0], request.region)
        return await _create_at_volume(control, volumes, _creation(app.name, named, user))
    hosts = await control.list_hosts()
    region = request.region or default_region(hosts)
    kind = (app.name, request.config.process_group)
    there = await _list_of_group(control, *kind)
    # No await from here to where this one is noted, so that of several that are placed at once each sees the others.
    coming = control.coming[kind]
    siblings = Counter({**there, **coming}.values())
    chosen = choose_machine_hosts(region, request.config.guest.memory_mb, hosts, siblings=siblings)
    coming[named["id"]] = chosen[0].id
    try:
        return await ask_in_turn(control, chosen, _creation(app.name, {**named, "region": region}, user))
    finally:
        del coming[named["id"]]


async def _with_secrets(
    control: Control, app: App, document: Mapping[str, Any], request: MachineRequest
) -> dict[str, Any]:
    """The body for the host: the app's secrets stand beside the config, never in it."""
    secrets = await choose_for_machine(control, app, request)
    return {**document, IN_ORDER: machine_secrets_to_wire(secrets)}


async def _list_of_group(control: Control, app: str, group: str) -> dict[str, str]:
    """The machines of a process group that the index has, and the host of each."""
    found = {}
    for machine in await control.read(index.list_machines, app):
        metadata = (_decode(msgspec.Raw(machine.body.encode())).get("config") or {}).get("metadata") or {}
        if (metadata.get("fly_process_group") or metadata.get("process_group") or "app") == group:
            found[machine.id] = machine.host
    return found


def _creation(app: str, document: Mapping[str, Any], user: str) -> Order:
    return Order(
        method="POST",
        path="/machines",
        app=app,
        body=document_to_body(document),
        user=user,
        seconds=CHANGE_SECONDS,
    )


async def _create_at_volume(control: Control, volumes: Sequence[Indexed], creation: Order) -> Answer:
    """The answer of the first volume's host for which nobody was quicker; `volumes` has at least one."""
    document = document_from_body(creation.body or b"")
    for volume in volumes:
        body = document_to_body({**with_volume(document, volume), "region": volume.region})
        answer = await control.order(await control.get_host(volume.host), replace(creation, body=body))
        if not isinstance(answer.problem, InUse):
            break
    return answer


async def update_machine(
    control: Control, app: App, machine_id: str, document: Mapping[str, Any], *, nonce: str | None, user: str
) -> Answer:
    """A new version of the same machine, on the same host, with the volume that it has and the newest secrets."""
    request = machine_request_from_wire(document)
    found = await find_machine(control, app.name, machine_id)
    if request.config.mounts and not VOLUME_ID.match(request.config.mounts[0].volume):
        name = request.config.mounts[0].volume
        own = [
            volume
            for volume in await control.read(index.list_volumes, app.name)
            if volume.attached_machine_id == found.id and volume.name == name
        ]
        free = own or await find_mountable(control, app.name, request.config.mounts[0], found.region)
        document = with_volume(document, free[0])
    body = document_to_body(await _with_secrets(control, app, document, request))
    passage = Passage(method="POST", body=body, nonce=nonce, user=user)
    order = passage.to_order(app.name, f"/machines/{machine_id}")
    return await control.order(await control.get_host(found.host), order)
