"""Orders that change machines."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from caddis.agent.book import Writer
from caddis.agent.clock import steady_now
from caddis.agent.operations.common import dump
from caddis.agent.orders.leases import make_lease
from caddis.agent.present import Presenter
from caddis.agent.supervisor import Supervisor
from caddis.agent.threads import in_thread
from caddis.domain.errors import Invalid, Problem, TimedOut
from caddis.domain.ids import MACHINE_ID, ulid
from caddis.domain.life import DestroyAsked, RestartAsked, StartAsked, StopAsked
from caddis.domain.machine import DEFAULT_SCRATCH_GB, Machine, MachineConfig, MachineState
from caddis.domain.machine_schedule import is_turn
from caddis.telemetry.log import note
from caddis.wire.machine import start_to_wire
from caddis.wire.machine_request import MachineRequest, RestartRequest, StopRequest, machine_request_from_wire
from caddis.wire.secret import machine_secrets_from_wire

_DESTROY_DEADLINE = 60.0  # seconds that a delete waits for the end; it goes on afterwards


class MachineOrders:
    """`app` is the app on whose behalf control asks; another app's machine is not found."""

    def __init__(self, supervisor: Supervisor, presenter: Presenter) -> None:
        self._supervisor = supervisor
        self._presenter = presenter
        self._world = supervisor.world

    async def create(self, app: str, document: dict[str, Any], *, user: str) -> dict[str, Any]:
        """A new machine, started unless `skip_launch`; the same id asked for again gives the same machine."""
        request = machine_request_from_wire(document)
        machine = self._new_machine(_checked_id(document), app, request, document)
        ttl = request.lease_ttl
        lease = make_lease(machine.id, ttl, description="", owner=user, world=self._world) if ttl else None
        inputs = {"machine": dump(machine), "lease": dump(lease), "slots": self._world.network.slots, **self._room()}
        id = machine.id
        async with self._supervisor.exclusively(id):
            await self._supervisor.operate("machine.create/1", inputs, id=f"create:{id}", subject=id)
        if request.skip_launch:
            made = await in_thread(self._world.book.get_machine, id, app)
        else:
            made = await self._supervisor.feed(id, StartAsked())
        return await in_thread(self._presenter.machine, made, nonce=lease.nonce if lease else None)

    def _new_machine(self, id: str, app: str, request: MachineRequest, document: Mapping[str, Any]) -> Machine:
        """Sealed at once: everything that follows, the journal's inputs too, holds no secret in the clear."""
        now = self._world.now()
        secrets = machine_secrets_from_wire(document)
        for position, file in enumerate(request.config.files):
            if file.secret:
                secrets.content_for(file.secret, field=f"config.files[{position}].secret_name")
        return Machine(
            id=id,
            app=app,
            name=request.name or _name_from(id),
            region=self._world.region,
            state=MachineState.CREATING,
            wanted=MachineState.STOPPED if request.skip_launch else MachineState.STARTED,
            instance_id=ulid(int(now.timestamp() * 1000), self._world.entropy()),
            config=request.config,
            raw_config=request.raw_config,
            created_at=now,
            updated_at=now,
            scratch_gb=request.config.rootfs_size_gb or DEFAULT_SCRATCH_GB,
            cordoned=request.skip_service_registration,
            secrets_version=secrets.version,
            sealed_secrets=self._world.sealing.seal(secrets, id),
        )

    async def update(self, id: str, app: str, document: dict[str, Any]) -> dict[str, Any]:
        """Another config for the same id: a new version. A running machine is restarted into it."""
        request = machine_request_from_wire(document)
        before = await in_thread(self._world.book.get_machine, id, app)
        if request.region not in ("", before.region):
            raise Invalid(
                f"machine {id} is in region {before.region} and cannot move to {request.region}", field="region"
            )
        config = _with_volume_kept(request.config, before)
        new = self._new_machine(id, app, replace(request, config=config), document)
        wanted = replace(new, name=request.name or before.name)
        inputs = {
            "machine": dump(wanted),
            "skip_launch": request.skip_launch,
            "current_version": request.current_version,
            **self._room(),
        }
        async with self._supervisor.exclusively(id):
            operation = f"update:{id}:{wanted.instance_id}"
            await self._supervisor.operate("machine.update/1", inputs, id=operation, subject=id)
        after = await in_thread(self._world.book.get_machine, id, app)
        self._supervisor.look_after(after)
        return await in_thread(self._presenter.machine, after)

    async def start(self, id: str, app: str) -> dict[str, Any]:
        """Up and running when this returns; raises the Problem for which it could not be started."""
        before = await in_thread(self._world.book.get_machine, id, app)
        after = await self._supervisor.feed(id, StartAsked(), app=app)
        if after.state is MachineState.STARTING:
            await self._started_after(id, after.launch)
        return start_to_wire(before.state)

    async def _started_after(self, id: str, launch: int) -> Machine:
        def look() -> Machine | None:
            machine = self._world.book.find_machine(id)
            if machine is None or machine.state is MachineState.FAILED:
                return machine
            if machine.wanted is not MachineState.STARTED:
                return machine  # someone else wants it stopped by now
            return machine if machine.launch > launch and machine.state is not MachineState.STARTING else None

        machine = await self._supervisor.changes.wait_until(look, 120.0)
        if machine is None:
            raise TimedOut(f"machine {id} did not start within 120 seconds")
        if machine.state is MachineState.FAILED:
            raise Problem(machine.problem or f"machine {id} failed to start")
        return machine

    async def stop(self, id: str, app: str, request: StopRequest) -> None:
        """Asked to end; it is stopped when the wait for `stopped` says so."""
        await self._supervisor.feed(id, StopAsked(request.signal, request.timeout), app=app)

    async def restart(self, id: str, app: str, request: RestartRequest) -> None:
        """Stopped and started again when this returns."""
        before = await in_thread(self._world.book.get_machine, id, app)
        asked = RestartAsked("SIGKILL", 0.0) if request.force_stop else RestartAsked(request.signal, request.timeout)
        await self._supervisor.feed(id, asked, app=app)
        await self._started_after(id, before.launch)

    async def destroy(self, id: str, app: str, *, kill: bool) -> None:
        """Gone, with its volume let go, when this returns (or soon after, if its process is slow to end)."""
        await self._supervisor.feed(id, DestroyAsked(kill=kill), app=app)

        def look() -> bool | None:
            machine = self._world.book.find_machine(id)
            return True if machine is None or machine.state is MachineState.DESTROYED else None

        await self._supervisor.changes.wait_until(look, _DESTROY_DEADLINE)

    async def start_due(self) -> None:
        """Start those whose schedule says that it is their turn; one that cannot be started waits for its next."""
        now = await in_thread(steady_now, self._world)
        for machine in await in_thread(self._world.book.list_machines):
            if is_turn(machine, now):
                try:
                    await self._supervisor.feed(machine.id, StartAsked())
                except Problem as problem:
                    note("a machine could not be started by its schedule", machine=machine.id, why=problem.message)

    async def set_cordoned(self, id: str, app: str, cordoned: bool) -> None:
        """Whether it may get traffic."""
        await in_thread(self._change, id, app, lambda machine: replace(machine, cordoned=cordoned))

    async def set_metadata(self, id: str, app: str, changes: Mapping[str, str | None], *, whole: bool = False) -> None:
        """Write (or with None, delete) metadata; with `whole`, what is not named goes. Not a new version."""

        def change(machine: Machine) -> Machine:
            metadata = {} if whole else dict(machine.config.metadata)
            for key, value in changes.items():
                if value is None:
                    metadata.pop(key, None)
                else:
                    metadata[key] = value
            config = replace(machine.config, metadata=metadata)
            return replace(machine, config=config, raw_config={**machine.raw_config, "metadata": metadata})

        await in_thread(self._change, id, app, change)

    def _change(self, id: str, app: str, change: Any) -> None:
        def work(writer: Writer) -> None:
            machine = writer.get_machine(id, app)
            writer.put_machine(replace(change(machine), updated_at=self._world.now()))

        self._world.book.write(work)

    def _room(self) -> dict[str, int]:
        return {
            "capacity_bytes": self._world.volumes.capacity_bytes(),
            "memory_mb": self._presenter.memory_mb,
        }


def _with_volume_kept(config: MachineConfig, before: Machine) -> MachineConfig:
    """A mount that names its volume, or nothing, means the volume that the machine has."""
    if not config.mounts or not before.config.mounts or config.mounts[0].volume.startswith("vol_"):
        return config
    return replace(config, mounts=(replace(config.mounts[0], volume=before.config.mounts[0].volume),))


def _checked_id(document: dict[str, Any]) -> str:
    id = document.get("id")
    if not isinstance(id, str) or not MACHINE_ID.match(id):
        raise Invalid(f"{id!r} is not a machine's id", field="id")
    return id


_FIRST = (
    "amber",
    "brisk",
    "calm",
    "clear",
    "cold",
    "deep",
    "early",
    "fair",
    "green",
    "hidden",
    "late",
    "long",
    "mild",
    "pale",
    "quiet",
    "silver",
)
_SECOND = (
    "beck",
    "bend",
    "bridge",
    "brook",
    "delta",
    "eddy",
    "ford",
    "gravel",
    "mouth",
    "pebble",
    "pool",
    "rapid",
    "reed",
    "ripple",
    "spring",
    "weir",
)


def _name_from(id: str) -> str:
    number = int(id[:7], 16)
    return f"{_FIRST[number % 16]}-{_SECOND[number // 16 % 16]}-{number // 256 % 10000}"
