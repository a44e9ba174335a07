"""Growing volumes before they are full, where their mount says so."""

from __future__ import annotations

from caddis.agent.operations.common import make_event
from caddis.agent.orders.volumes import VolumeOrders
from caddis.agent.threads import in_thread
from caddis.agent.world import World
from caddis.domain.errors import Problem
from caddis.domain.extension import choose_extension
from caddis.domain.machine import Machine, MachineState, Mount
from caddis.telemetry.log import note


async def extend_what_is_full(world: World, volumes: VolumeOrders) -> None:
    """Look once at every mount of every running machine."""
    for machine in await in_thread(world.book.list_machines):
        if machine.state is not MachineState.STARTED:
            continue
        for mount in machine.config.mounts:
            if mount.extend_threshold_percent:
                try:
                    await _extend_if_full(world, volumes, machine, mount)
                except Problem as problem:
                    note("a full volume could not be extended", volume=mount.volume, why=problem.message)


async def _extend_if_full(world: World, volumes: VolumeOrders, machine: Machine, mount: Mount) -> None:
    volume = await in_thread(world.book.get_volume, mount.volume)
    usage = await in_thread(world.volumes.observe_usage, volume.id)
    size_gb = choose_extension(mount, volume, usage) if usage is not None else None
    if size_gb is None:
        return
    if await in_thread(world.volumes.grow, volume):
        return  # it has been extended already, and its file system waits for a restart: more would not help
    await volumes.extend(volume.id, machine.app, {"size_gb": size_gb})
    request = {"volume": volume.id, "from_size_gb": volume.size_gb, "size_gb": size_gb}
    event = make_event("extend", "extended", world.now(), world.entropy(), request=request)
    await in_thread(world.book.write, lambda writer: writer.add_event(machine.id, event))
    note("volume extended by itself", volume=volume.id, size_gb=size_gb)
