"""Destroying an app: its machines and volumes first, then its name."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import anyio

from caddis.catalog import apps, index
from caddis.catalog.index import Indexed
from caddis.control.core import Control
from caddis.control.kept_images import let_images_go
from caddis.control.orders import CHANGE_SECONDS, Order
from caddis.domain.app import App
from caddis.domain.errors import NotFound, Problem
from caddis.domain.volume import VolumeState

_AT_ONCE = 8  # orders


async def destroy_app(control: Control, app: App, *, user: str) -> None:
    """Destroy machines by force and volumes softly: for 24 hours they can be restored in a new app of that name.

    Begun anew after a failure, it goes on where it stopped. Raises the first problem; the app then still exists.
    """
    machines = await control.read(index.list_machines, app.name)
    await _each(machines, lambda machine: _destroy(control, machine, f"/machines/{machine.id}", user))
    volumes = [
        volume
        for volume in await control.read(index.list_volumes, app.name)
        if volume.state not in (VolumeState.PENDING_DESTROY, VolumeState.SCHEDULING_DESTROY, VolumeState.DESTROYING)
    ]
    await _each(volumes, lambda volume: _destroy(control, volume, f"/volumes/{volume.id}", user))
    await control.write(apps.delete_app, app.id)
    await let_images_go(control, app.name)


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


async def _each(things: list[Indexed], work: Callable[[Indexed], Awaitable[None]]) -> None:
    limiter = anyio.CapacityLimiter(_AT_ONCE)
    problems: list[Problem] = []

    async def one(thing: Indexed) -> None:
        async with limiter:
            try:
                await work(thing)
            except Problem as problem:
                problems.append(problem)

    async with anyio.create_task_group() as group:
        for thing in things:
            group.start_soon(one, thing)
    if problems:
        raise problems[0]
