"""Orders about imports: control first has the volume made (so that a host without room can say no), then sends."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from typing import Any

from caddis.agent.operations.common import dump
from caddis.agent.orders.volumes import VolumeOrders, checked_id
from caddis.agent.supervisor import Supervisor
from caddis.agent.threads import in_thread
from caddis.agent.uploads import RequestUpload
from caddis.domain.errors import Conflict, Invalid, Problem
from caddis.domain.volume import VolumeState
from caddis.telemetry.log import note_bug
from caddis.wire.problem import problem_to_wire
from caddis.wire.volume import volume_request_from_wire

_PATIENCE = 60.0  # seconds for the upload to begin
_HEARTBEAT = 5.0


@dataclass(frozen=True, slots=True)
class _Import:
    """One that has begun: what was left out, or the Problem, once it has ended."""

    came: asyncio.Event = field(default_factory=asyncio.Event)
    left_out: asyncio.Future[list[str]] = field(default_factory=lambda: asyncio.get_running_loop().create_future())


class ImportOrders:
    """`app` is the app on whose behalf control asks."""

    def __init__(self, supervisor: Supervisor, volumes: VolumeOrders) -> None:
        self._supervisor = supervisor
        self._volumes = volumes
        self._world = supervisor.world
        self._begun: dict[str, _Import] = {}

    async def begin(self, app: str, document: dict[str, Any]) -> dict[str, Any]:
        """A new volume, `restoring`; it is undone unless `receive` is called for it soon."""
        request = volume_request_from_wire(document)
        if request.snapshot_id or request.source_volume_id:
            raise Invalid("a volume is imported, or made from a snapshot or a volume, not both", field="snapshot_id")
        id = checked_id(document)
        kind = self._world.volumes.choose_encryption(request.encrypted, request.fstype)
        volume = replace(
            self._volumes.describe(id, app, request, encryption=kind),
            state=VolumeState.RESTORING,
        )
        capacity = await in_thread(self._world.volumes.capacity_bytes)
        inputs = {"volume": dump(volume), "capacity_bytes": capacity}
        reserved: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._begun[id] = _Import()
        self._supervisor.spawn(self._work(id, inputs, reserved))
        await reserved
        return await self._volumes.get(id, app)

    async def _work(self, id: str, inputs: dict[str, Any], reserved: asyncio.Future[None]) -> None:
        """Hold the volume from its first row to the last, so that nobody else walks its operation meanwhile."""
        begun, operation = self._begun[id], f"import:{id}"
        try:
            async with self._supervisor.exclusively(id):
                try:
                    begin = self._supervisor.journal.begin
                    await in_thread(lambda: begin("volume.import/1", inputs, id=operation, subject=id))
                except Problem as problem:
                    reserved.set_exception(problem)
                    return
                reserved.set_result(None)
                self._world.book.tell()
                try:
                    await asyncio.wait_for(begun.came.wait(), _PATIENCE)
                except TimeoutError:
                    pass  # it is walked without an upload, and so undone
                try:
                    results = await in_thread(self._supervisor.journal.walk, operation, self._world)
                    begun.left_out.set_result(results["fill"])
                except Problem as problem:
                    begun.left_out.set_exception(problem)
                    begun.left_out.exception()
                finally:
                    self._world.book.tell()
        finally:
            self._begun.pop(id, None)
            bug = Problem("internal error: the agent's log has the details")
            for promise in (reserved, begun.left_out):
                if not promise.done():
                    promise.set_exception(bug)
                    promise.exception()  # whether anybody asks or not

    async def receive(self, id: str, app: str, upload: RequestUpload) -> AsyncIterator[dict[str, Any]]:
        """Tells how far it is, and last the `volume`, or the `error` for which nothing is left of it."""
        begun = self._begun.get(id)
        if begun is None or begun.came.is_set():
            raise Conflict(f"no import into volume {id} waits for its content", hint="import it again")
        await in_thread(self._world.book.get_volume, id, app)
        self._world.uploads.put(id, upload)
        begun.came.set()
        return self._tell(id, app, begun, upload)

    async def _tell(self, id: str, app: str, begun: _Import, upload: RequestUpload) -> AsyncIterator[dict[str, Any]]:
        try:
            while not begun.left_out.done():
                yield {"received": upload.received}
                await asyncio.wait([begun.left_out], timeout=_HEARTBEAT)
            left_out = begun.left_out.result()
            volume = await self._volumes.get(id, app)
            yield {"volume": volume, "left_out": left_out, "sequence": await self._sequence(id)}
        except Problem as problem:
            yield {**problem_to_wire(problem)[1], "sequence": await self._sequence(id)}
        except Exception as bug:  # noqa: BLE001  the top of a request whose status line has gone out
            note_bug("bug in an import", bug, volume=id)
            yield problem_to_wire(Problem("internal error: the agent's log has the details"))[1]
        finally:
            if not begun.left_out.done():
                upload.cut()

    async def _sequence(self, id: str) -> int:
        return await in_thread(self._world.book.last_sequence, "volume", id)
