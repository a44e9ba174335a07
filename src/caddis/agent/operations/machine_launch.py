"""machine.launch: volume, root, network, process, in this order; undone in reverse.

Inputs: the machine's id and the number of the launch. The root is made anew each time (promise P4), and the volume's
identity is checked before it is mounted (promise P2).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from caddis.agent.book import Writer
from caddis.agent.operations.common import make_event
from caddis.agent.world import World
from caddis.domain.errors import Conflict, Problem
from caddis.domain.io_limits import choose_io_limits
from caddis.domain.life import Launched, LaunchFailed, decide
from caddis.domain.machine import Machine, MachineState
from caddis.domain.volume import FileSystemKind
from caddis.journal.operation import Context, Operation, Step
from caddis.machines.arguments import process_arguments
from caddis.machines.environment import process_environment
from caddis.machines.files import network_files
from caddis.machines.plan import Bind, LaunchPlan, SecretFile


def _machine(context: Context[World]) -> Machine:
    return context.world.book.get_machine(context.inputs["machine"])


def _reserve(book: sqlite3.Connection, inputs: Mapping[str, Any]) -> None:
    writer = Writer(book)
    machine = writer.get_machine(inputs["machine"])
    if machine.state is not MachineState.STARTING:
        raise Conflict(f"machine {machine.id} is {machine.state}, not starting")
    writer.put_machine(replace(machine, launch=inputs["launch"]))


def _mount_volumes(context: Context[World]) -> list[dict[str, Any]]:
    binds = []
    for mount in _machine(context).config.mounts:
        volume = context.world.book.get_volume(mount.volume)
        source = context.world.volumes.mount(volume)
        binds.append({"source": source, "path": mount.path, "raw": volume.fstype is FileSystemKind.RAW})
    return binds


def unmount_volumes(context: Context[World]) -> None:
    """Ensure that no volume of the machine is mounted."""
    for mount in _machine(context).config.mounts:
        context.world.volumes.unmount(mount.volume)


def _mount_root(context: Context[World]) -> str:
    machine, world = _machine(context), context.world
    digest = machine.image_digest or world.images.ensure(machine.config.image).digest
    scratch = world.volumes.mount_scratch(machine.id, machine.scratch_gb)
    raw = any(bind["raw"] for bind in context.results["volumes"])
    root = world.roots.mount(machine.id, world.images.rootfs(digest), scratch, devices=raw)
    for guest_path, content in network_files(hostname_of(machine), machine.address, machine.address_v4):
        world.roots.write_file(machine.id, guest_path, content, 0o644)
    for file in machine.config.files:
        if not file.secret:  # those never touch a disk: the runtime keeps them where it keeps the environment
            world.roots.write_file(machine.id, file.guest_path, file.content, file.mode)
    return root


def unmount_root(context: Context[World]) -> None:
    """Ensure that neither root nor scratch is left."""
    context.world.roots.unmount(context.inputs["machine"])
    context.world.volumes.unmount_scratch(context.inputs["machine"])


def _connect(context: Context[World]) -> str:
    machine = _machine(context)
    return context.world.network.connect(machine.id, context.world.network.addresses(machine.slot))


def disconnect(context: Context[World]) -> None:
    """Ensure that the machine has no network namespace."""
    context.world.network.disconnect(context.inputs["machine"])


def _run(context: Context[World]) -> int:
    return context.world.runtime.launch(_plan(context))


def delete_container(context: Context[World]) -> None:
    """Ensure that nothing of the machine runs and the runtime has forgotten it."""
    context.world.runtime.delete(context.inputs["machine"])


def _plan(context: Context[World]) -> LaunchPlan:
    machine, world = _machine(context), context.world
    image = world.images.get_config(machine.image_digest)
    secrets = world.sealing.open(machine.sealed_secrets, machine.id)
    return LaunchPlan(
        name=machine.id,
        launch=context.inputs["launch"],
        root=context.results["root"],
        argv=process_arguments(image, machine.config.init),
        env=process_environment(machine, image, secrets.env),
        workdir=image.workdir or "/",
        user=machine.config.init.user or image.user,
        hostname=hostname_of(machine),
        netns=context.results["network"],
        binds=tuple(
            Bind(
                source=bind["source"],
                destination=bind["path"],
                is_device=bind["raw"],
                io_limits=choose_io_limits(
                    world.book.get_volume(mount.volume).io_limits, machine.config.guest, world.io_policy
                ),
            )
            for bind, mount in zip(context.results["volumes"], machine.config.mounts, strict=True)
        ),
        secret_files=tuple(
            SecretFile(
                destination=file.guest_path,
                content=secrets.content_for(file.secret, field=file.guest_path),
                mode=file.mode,
            )
            for file in machine.config.files
            if file.secret
        ),
        memory_mb=machine.config.guest.memory_mb,
        cpus=machine.config.guest.cpus,
        shared_cpu=machine.config.guest.cpu_kind == "shared",
        tty=machine.config.init.tty,
    )


def hostname_of(machine: Machine) -> str:
    """What the machine calls itself: its id, as on Fly, unless its config says otherwise."""
    return machine.config.hostname or machine.id


def _finish(book: sqlite3.Connection, context: Context[World]) -> None:
    writer, now = Writer(book), context.world.now()
    machine, _ = decide(writer.get_machine(context.inputs["machine"]), Launched(now))
    writer.put_machine(replace(machine, updated_at=now))
    writer.add_event(machine.id, make_event("start", "started", now, context.world.entropy()))


def _abandon(book: sqlite3.Connection, context: Context[World], problem: Problem) -> None:
    writer, now = Writer(book), context.world.now()
    machine, _ = decide(writer.get_machine(context.inputs["machine"]), LaunchFailed(problem.message, now))
    writer.put_machine(replace(machine, torn_down=context.inputs["launch"], updated_at=now))
    failed = make_event("start", "failed", now, context.world.entropy(), request={"reason": problem.message})
    writer.add_event(machine.id, failed)


MACHINE_LAUNCH: Operation[World] = Operation(
    name="machine.launch/1",
    reserve=_reserve,
    steps=(
        Step("volumes", _mount_volumes, unmount_volumes),
        Step("root", _mount_root, unmount_root),
        Step("network", _connect, disconnect),
        Step("process", _run, delete_container),
    ),
    finish=_finish,
    abandon=_abandon,
)
