"""Whole apps: destroying one (its machines and volumes first, then its name), suspending and resuming one."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import anyio
import msgspec

from caddis.catalog import apps, index
from caddis.catalog.index import Indexed
from caddis.control.core import Control
from caddis.control.kept_images import let_images_go
from caddis.control.orders import CHANGE_SECONDS, Order, Passage
from caddis.control.shown import is_silent
from caddis.domain.app import RAN, RESTED, SUSPENDED_MARK, App, AppStatus
from caddis.domain.errors import NotFound, Problem, Unreachable
from caddis.domain.volume import VolumeState
from caddis.wire.body import document_to_body

_AT_ONCE = 8  # orders
TURN_SECONDS = 60.0  # to ask a machine to start or stop; not to see it do so
_RUNNING = ("starting", "started", "restarting", "replacing")


async def destroy_app(control: Control, app: App, *, user: str) -> None:
    """Destroy machines by force and volumes softly: for 24 hours they can be restored in a new app of that name.

    Unreachable, with nothing changed, while a host that has some of it is silent. Begun anew after a failure, it goes
    on where it stopped. Raises the first problem; the app then still exists.
    """
    machines = await control.read(index.list_machines, app.name)
    volumes = [
        volume
        for volume in await control.read(index.list_volumes, app.name)
        if volume.state not in (VolumeState.PENDING_DESTROY, VolumeState.SCHEDULING_DESTROY, VolumeState.DESTROYING)
    ]
    _refuse_silence(app, [*machines, *volumes], control.now())
    await _each(machines, lambda machine: _destroy(control, machine, f"/machines/{machine.id}", user))
    await _each(volumes, lambda volume: _destroy(control, volume, f"/volumes/{volume.id}", user))
    await control.write(apps.delete_app, app, now=control.now())
    await let_images_go(control, app.name)


def _refuse_silence(app: App, things: Sequence[Indexed], now: datetime) -> None:
    silent = sorted({thing.host for thing in things if is_silent(thing, now)})
    if silent:
        raise Unreachable(
            f"app {app.name} has machines or volumes on {', '.join(silent)}, which does not answer:"
            " nothing was destroyed",
            hint=f"once it is back: fly apps destroy {app.name}",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Turned:
    """What suspending or resuming did: machines that were stopped or started, and why others were not."""

    status: AppStatus
    machines: tuple[str, ...]
    failed: Mapping[str, Problem]


async def suspend_app(control: Control, app: App, *, user: str) -> Turned:
    """Stop every machine that runs, and mark it, so that `resume_app` starts those and no others.

    The mark is metadata of the machine, on its host: it outlives the catalog. One that rests until its schedule starts
    it is marked too, and not started while it is. The app is suspended first, so that nothing is deployed meanwhile;
    what a silent host keeps running is told, and stopped by doing it again.
    """
    await control.write(apps.set_status, app.id, AppStatus.SUSPENDED)
    machines = await control.read(index.list_machines, app.name)
    running = [one for one in machines if one.state in _RUNNING]
    waiting = [one for one in machines if one not in running and _config(one).get("schedule") and not _mark(one)]

    async def stop(machine: Indexed) -> None:
        await _set_mark(control, machine, RAN if machine in running else RESTED, user)
        if machine in running:
            await _order(control, machine, Passage(method="POST", verb="/stop", body=b"{}", user=user))

    failed = await _try_each([*running, *waiting], stop)
    return Turned(status=AppStatus.SUSPENDED, machines=_done(running, failed), failed=failed)


async def resume_app(control: Control, app: App, *, user: str) -> Turned:
    """Start what `suspend_app` stopped. Also of an app that is not suspended: what could not be started then."""
    status = app.status
    if status is AppStatus.SUSPENDED:
        status = await control.write(apps.end_suspension, app.id)
    marked = [one for one in await control.read(index.list_machines, app.name) if _mark(one)]
    ran = [one for one in marked if _mark(one) == RAN]

    async def start(machine: Indexed) -> None:
        if machine in ran:
            await _order(control, machine, Passage(method="POST", verb="/start", user=user))
        await _order(control, machine, Passage(method="DELETE", verb=f"/metadata/{SUSPENDED_MARK}", user=user))

    failed = await _try_each(marked, start)
    return Turned(status=status, machines=_done(ran, failed), failed=failed)


def _config(machine: Indexed) -> Mapping[str, Any]:
    found: Mapping[str, Any] = msgspec.json.decode(machine.body).get("config") or {}
    return found


def _mark(machine: Indexed) -> str:
    return str((_config(machine).get("metadata") or {}).get(SUSPENDED_MARK, ""))


async def _set_mark(control: Control, machine: Indexed, mark: str, user: str) -> None:
    body = document_to_body({"value": mark})
    await _order(control, machine, Passage(method="POST", verb=f"/metadata/{SUSPENDED_MARK}", body=body, user=user))


def _done(machines: Sequence[Indexed], failed: Mapping[str, Problem]) -> tuple[str, ...]:
    return tuple(machine.id for machine in machines if machine.id not in failed)


async def _order(control: Control, machine: Indexed, passage: Passage) -> None:
    if is_silent(machine, control.now()):
        raise Unreachable(f"host {machine.host} does not answer")
    order = replace(passage.to_order(machine.app, f"/machines/{machine.id}"), seconds=TURN_SECONDS)
    answer = await control.order(await control.get_host(machine.host), order)
    if answer.problem is not None:
        raise answer.problem


async def _destroy(control: Control, thing: Indexed, path: str, user: str) -> None:
    order = Order(
        method="DELETE",
        path=path,
        app=thing.app,
        query=(("kill", "true"),) if path.startswith("/machines/") else (),
        user=user,
        seconds=CHANGE_SECONDS,
    )
    answer = await control.order(await control.get_host(thing.host), order)
    if answer.problem is not None and not isinstance(answer.problem, NotFound):
        raise answer.problem


async def _each(things: Sequence[Indexed], work: Callable[[Indexed], Awaitable[None]]) -> None:
    failed = await _try_each(things, work)
    for problem in failed.values():
        raise problem


async def _try_each(things: Sequence[Indexed], work: Callable[[Indexed], Awaitable[None]]) -> dict[str, Problem]:
    """All of them, some at once; what went wrong, by id."""
    limiter = anyio.CapacityLimiter(_AT_ONCE)
    failed: dict[str, Problem] = {}

    async def one(thing: Indexed) -> None:
        async with limiter:
            try:
                await work(thing)
            except Problem as problem:
                failed[thing.id] = problem

    async with anyio.create_task_group() as group:
        for thing in things:
            group.start_soon(one, thing)
    return failed
