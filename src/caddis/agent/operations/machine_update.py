"""machine.update: another config for the same id. The new image is fetched before the old process is touched."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from caddis.agent.book import Writer
from caddis.agent.operations.common import load_machine, make_event
from caddis.agent.world import World
from caddis.domain.errors import Conflict, Invalid, NoCapacity
from caddis.domain.life import RestartAsked, StartAsked, StopAsked, decide
from caddis.domain.machine import Machine, MachineState
from caddis.journal.operation import Context, Operation, Step

_RUNNING = frozenset({MachineState.STARTED, MachineState.STARTING, MachineState.STOPPING, MachineState.RESTARTING})


def _reserve(book: sqlite3.Connection, inputs: Mapping[str, Any]) -> None:
    writer, wanted = Writer(book), load_machine(inputs["machine"])
    machine = writer.get_machine(wanted.id)
    if machine.state in (MachineState.DESTROYING, MachineState.DESTROYED, MachineState.CREATING):
        raise Conflict(f"machine {machine.id} is {machine.state} and cannot be updated")
    if inputs.get("current_version") not in (None, "", machine.instance_id):
        raise Conflict(
            f"machine {machine.id} was changed by someone else: its version is {machine.instance_id},"
            f" not {inputs['current_version']}"
        )
    before = [mount.volume for mount in machine.config.mounts]
    after = [mount.volume for mount in wanted.config.mounts]
    if before != after:
        raise Invalid(
            f"machine {machine.id} has {_say(before)} and cannot be given {_say(after)}: only the path can change",
            hint="destroy the machine and create it anew with the other volume",
            field="config.mounts[0].volume",
        )
    _check_memory(writer, machine, wanted, inputs)


def _say(volumes: list[str]) -> str:
    return f"volume {volumes[0]}" if volumes else "no volume"


def _check_memory(writer: Writer, machine: Machine, wanted: Machine, inputs: Mapping[str, Any]) -> None:
    more = wanted.config.guest.memory_mb - machine.config.guest.memory_mb
    left = int(inputs["memory_mb"]) - writer.promised().memory_mb
    if more > 0 and more > left:
        raise NoCapacity(f"this host has {max(0, left)} MB of memory left, too little for {more} MB more")


def _fetch(context: Context[World]) -> dict[str, Any]:
    image = context.world.images.ensure(context.inputs["machine"]["config"]["image"])
    return {"digest": image.digest, "labels": dict(image.labels)}


def _finish(book: sqlite3.Connection, context: Context[World]) -> None:
    writer, image, now = Writer(book), context.results["image"], context.world.now()
    wanted = load_machine(context.inputs["machine"])
    machine = writer.get_machine(wanted.id)
    was_running = machine.state in _RUNNING
    if context.inputs["skip_launch"]:
        machine = decide(machine, StopAsked())[0] if was_running else machine
    else:  # the halt is decided under the old config: it is the old process that gets the signal
        machine = decide(machine, RestartAsked() if was_running else StartAsked())[0]
    stop = machine.config.stop_config
    if machine.state is MachineState.STOPPING and machine.stop_signal is None:
        machine = replace(machine, stop_signal=stop.signal, stop_timeout=stop.timeout)
    writer.put_machine(
        replace(
            machine,
            name=wanted.name,
            config=wanted.config,
            raw_config=wanted.raw_config,
            instance_id=wanted.instance_id,
            image_digest=image["digest"],
            image_labels=image["labels"],
            secrets_version=wanted.secrets_version,
            sealed_secrets=wanted.sealed_secrets,
            updated_at=now,
        )
    )
    writer.add_version(machine.id, wanted.instance_id, wanted.raw_config)
    writer.add_event(machine.id, make_event("update", machine.state, now, context.world.entropy(), source="user"))


MACHINE_UPDATE: Operation[World] = Operation(
    name="machine.update/1", reserve=_reserve, steps=(Step("image", _fetch),), finish=_finish
)
