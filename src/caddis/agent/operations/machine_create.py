"""machine.create: claim the volume, an address and room for the root; fetch the image. Launching comes after."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import msgspec

from caddis.agent.book import Writer
from caddis.agent.operations.common import load_machine, make_event
from caddis.agent.world import World
from caddis.domain.errors import Conflict, Invalid, NoCapacity, Problem
from caddis.domain.lease import Lease
from caddis.domain.machine import Machine, MachineState
from caddis.domain.sizes import GIB, format_bytes
from caddis.domain.volume import check_attachable
from caddis.journal.operation import Context, Operation, Step


def _reserve(book: sqlite3.Connection, inputs: Mapping[str, Any]) -> None:
    writer, machine = Writer(book), load_machine(inputs["machine"])
    _check_name(writer, machine)
    _check_room(writer, machine, inputs)
    slot = writer.find_free_slot(inputs["slots"])
    if slot is None:
        raise NoCapacity(f"this host has addresses for {inputs['slots']} machines, and all are taken")
    _claim(writer, machine)
    writer.put_machine(replace(machine, slot=slot))
    if inputs.get("lease"):
        writer.put_lease(msgspec.convert(inputs["lease"], type=Lease))


def _check_name(writer: Writer, machine: Machine) -> None:
    if writer.find_machine(machine.id) is not None:
        raise Conflict(f"machine {machine.id} exists already")
    if any(other.name == machine.name for other in writer.list_machines(machine.app)):
        raise Invalid(f"app {machine.app} already has a machine named {machine.name}", field="name")


def _check_room(writer: Writer, machine: Machine, inputs: Mapping[str, Any]) -> None:
    promised = writer.promised()
    left = int(inputs["capacity_bytes"]) - promised.pool_bytes
    if machine.scratch_gb * GIB > left:
        raise NoCapacity(
            f"this host's pool has {format_bytes(max(0, left))} left, too little for the root file system of another"
            f" machine ({machine.scratch_gb} GB)",
            hint="destroy machines or volumes that are not needed, or give the host a larger pool",
        )
    if promised.memory_mb + machine.config.guest.memory_mb > int(inputs["memory_mb"]):
        raise NoCapacity(
            f"this host has {max(0, int(inputs['memory_mb']) - promised.memory_mb)} MB of memory left, too little for"
            f" a machine of {machine.config.guest.memory_mb} MB"
        )


def _claim(writer: Writer, machine: Machine) -> None:
    for mount in machine.config.mounts:
        volume = writer.find_volume(mount.volume)
        if volume is None:
            raise Invalid(f"volume {mount.volume} is not on this host", field="config.mounts[0].volume")
        check_attachable(volume, machine=machine.id, app=machine.app)
        writer.put_volume(replace(volume, attached_machine_id=machine.id))


def _fetch(context: Context[World]) -> dict[str, Any]:
    machine = load_machine(context.inputs["machine"])
    image = context.world.images.ensure(machine.config.image)
    return {"digest": image.digest, "labels": dict(image.labels)}


def _finish(book: sqlite3.Connection, context: Context[World]) -> None:
    writer, image = Writer(book), context.results["image"]
    machine = writer.get_machine(context.inputs["machine"]["id"])
    now = context.world.now()
    addresses = context.world.network.addresses(machine.slot)
    writer.put_machine(
        replace(
            machine,
            state=MachineState.CREATED if machine.wanted is MachineState.STARTED else MachineState.STOPPED,
            image_digest=image["digest"],
            image_labels=image["labels"],
            address=addresses.v6,
            address_v4=addresses.v4,
            updated_at=now,
        )
    )
    writer.add_version(machine.id, machine.instance_id, machine.raw_config)
    writer.add_event(machine.id, make_event("launch", "created", now, context.world.entropy(), source="user"))


def _abandon(book: sqlite3.Connection, context: Context[World], _problem: Problem) -> None:
    writer = Writer(book)
    machine = load_machine(context.inputs["machine"])
    release_volumes(writer, machine)
    writer.delete_machine(machine.id, machine.app)


def release_volumes(writer: Writer, machine: Machine) -> None:
    """Give up the machine's claims."""
    for mount in machine.config.mounts:
        volume = writer.find_volume(mount.volume)
        if volume is not None and volume.attached_machine_id == machine.id:
            writer.put_volume(replace(volume, attached_machine_id=None))


MACHINE_CREATE: Operation[World] = Operation(
    name="machine.create/1", reserve=_reserve, steps=(Step("image", _fetch),), finish=_finish, abandon=_abandon
)
