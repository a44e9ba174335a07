"""Orders about volumes."""

from __future__ import annotations

from dataclasses import asdict, replace
from datetime import timedelta
from typing import Any

from caddis.agent.clock import steady_now
from caddis.agent.operations.common import dump
from caddis.agent.present import Presenter
from caddis.agent.supervisor import Supervisor
from caddis.agent.threads import in_thread
from caddis.domain.errors import Invalid, NotFound, Problem
from caddis.domain.ids import VOLUME_ID, ulid
from caddis.domain.snapshot import Origin, origin_of
from caddis.domain.volume import UNDO_PERIOD, EncryptionKind, Volume, VolumeState, check_destroyable
from caddis.telemetry.log import note
from caddis.wire.volume import (
    DEFAULT_SIZE_GB,
    VolumeRequest,
    volume_extension_from_wire,
    volume_request_from_wire,
    volume_update_from_wire,
)

_QUICK = 20.0  # seconds


class VolumeOrders:
    """`app` is the app on whose behalf control asks; another app's volume is not found."""

    def __init__(self, supervisor: Supervisor, presenter: Presenter, *, undo_period: timedelta = UNDO_PERIOD) -> None:
        self._supervisor = supervisor
        self._presenter = presenter
        self._world = supervisor.world
        self._undo_period = undo_period

    async def list(self, app: str | None) -> list[dict[str, Any]]:
        """All volumes that this host has."""
        return await in_thread(lambda: [self._presenter.volume(one) for one in self._world.book.list_volumes(app)])

    async def get(self, id: str, app: str) -> dict[str, Any]:
        """One volume, with how full it is."""
        return await in_thread(self._show, id, app, observe=True)

    async def create(self, app: str, document: dict[str, Any]) -> dict[str, Any]:
        """A new volume, empty or a copy; the same id asked for again gives the same volume."""
        request = volume_request_from_wire(document)
        id = checked_id(document)
        known = await in_thread(self._world.book.find_volume, id)
        if known is None or known.state in (VolumeState.CREATING, VolumeState.RESTORING):
            if origin := document.get("kept_of"):
                await self._hydrate(id, app, request, origin=str(origin))
                return await in_thread(self._show, id, app)
            async with self._supervisor.exclusively(id):
                if request.snapshot_id or request.source_volume_id:
                    await self._copy(id, app, request)
                else:
                    await self._make(id, app, request)
        return await in_thread(self._show, id, app)

    async def _hydrate(self, id: str, app: str, request: VolumeRequest, *, origin: str) -> None:
        """From the installation's store, in the background: `origin` is the volume whose snapshot it is.

        What is quick is waited for, so that whoever asked learns of a chunk that is missing.
        """
        state = VolumeState.HYDRATING if request.source_volume_id else VolumeState.RESTORING
        kind = EncryptionKind.FSCRYPT if request.encrypted else EncryptionKind.NONE  # until the snapshot says it
        volume = replace(self.describe(id, app, request, encryption=kind), state=state)
        inputs = {
            "volume": dump(volume),
            "origin": origin,
            "snapshot": request.snapshot_id,
            "capacity_bytes": self._world.volumes.capacity_bytes(),
        }
        operation = f"hydrate:{id}"
        await self._supervisor.begin("volume.hydrate/1", inputs, id=operation, subject=id)
        find = self._world.book.find_volume

        def has_ended() -> bool:
            volume = find(id)
            return volume is None or volume.state is VolumeState.CREATED

        await self._supervisor.changes.wait_until(lambda: has_ended() or None, _QUICK)
        if (problem := (await in_thread(self._supervisor.journal.get, operation)).problem) is not None:
            raise problem

    async def _make(self, id: str, app: str, request: VolumeRequest) -> None:
        kind = self._world.volumes.choose_encryption(request.encrypted, request.fstype)
        volume = self.describe(id, app, request, encryption=kind)
        inputs = {"volume": dump(volume), "capacity_bytes": self._world.volumes.capacity_bytes()}
        await self._supervisor.operate("volume.create/1", inputs, id=f"create:{id}", subject=id)

    async def _copy(self, id: str, app: str, request: VolumeRequest) -> None:
        """From a snapshot of this host, or a fork of one of its volumes."""
        origin, size_gb = await in_thread(self._find_origin, app, request)
        state = VolumeState.RESTORING if request.snapshot_id else VolumeState.CREATING
        volume = self.describe(id, app, request, encryption=origin.encryption)
        volume = replace(volume, state=state, size_gb=request.size_gb or size_gb, fstype=origin.fstype)
        inputs = {
            "volume": dump(volume),
            "origin": origin.volume_id,
            "snapshot": request.snapshot_id,
            "capacity_bytes": self._world.volumes.capacity_bytes(),
        }
        async with self._supervisor.exclusively(origin.volume_id):
            await self._supervisor.operate("volume.copy/1", inputs, id=f"copy:{id}", subject=id)

    def _find_origin(self, app: str, request: VolumeRequest) -> tuple[Origin, int]:
        if request.snapshot_id:
            snapshot = self._world.book.find_snapshot(request.snapshot_id)
            if snapshot is None or snapshot.app != app:
                raise NotFound(f"snapshot {request.snapshot_id} not found: it never was, or it has expired")
            return snapshot.origin, snapshot.origin.size_gb
        volume = self._world.book.get_volume(request.source_volume_id or "", app)
        return origin_of(volume), volume.size_gb

    def describe(self, id: str, app: str, request: VolumeRequest, *, encryption: EncryptionKind) -> Volume:
        """The volume that the request asks for, as it is before it is made."""
        return Volume(
            id=id,
            app=app,
            name=request.name,
            region=self._world.region,
            zone=self._world.zone,
            size_gb=request.size_gb or DEFAULT_SIZE_GB,
            state=VolumeState.CREATING,
            encryption=encryption,
            created_at=self._world.now(),
            fstype=request.fstype,
            snapshot_retention=request.snapshot_retention,
            auto_backup_enabled=request.auto_backup_enabled,
        )

    async def update(self, id: str, app: str, document: dict[str, Any]) -> dict[str, Any]:
        """Other settings."""
        changes = {key: value for key, value in asdict(volume_update_from_wire(document)).items() if value is not None}
        volume = await in_thread(self._world.book.get_volume, id, app)
        if changes:
            # no launch may read the old limits while the new ones are being written
            async with self._supervisor.exclusively(volume.attached_machine_id or f"no machine of {id}"):
                await self._operate("volume.update/1", {"id": id, "changes": changes}, id)
        return await in_thread(self._show, id, app)

    async def extend(self, id: str, app: str, document: dict[str, Any]) -> dict[str, Any]:
        """More space, and whether the machine must be restarted to see it."""
        size_gb = volume_extension_from_wire(document)
        volume = await in_thread(self._world.book.get_volume, id, app)
        capacity = await in_thread(self._world.volumes.capacity_bytes)
        inputs = {"id": id, "size_gb": size_gb, "old_size_gb": volume.size_gb, "capacity_bytes": capacity}
        await self._operate("volume.extend/1", inputs, id)
        volume = await in_thread(self._world.book.get_volume, id, app)
        needs_restart = await in_thread(self._world.volumes.grow, volume)
        shown = await in_thread(self._show, id, app, observe=True)
        return {"volume": shown, "needs_restart": needs_restart}

    async def destroy(self, id: str, app: str, *, erase: bool = False) -> dict[str, Any]:
        """Soft, unless told to `erase`: it can be brought back for a day. Destroying it again changes nothing."""
        volume = await in_thread(self._world.book.get_volume, id, app)
        if volume.state is not VolumeState.PENDING_DESTROY:
            check_destroyable(volume)  # before waiting for whoever works on it
            erase_at = await in_thread(steady_now, self._world) + self._undo_period
            await self._operate("volume.destroy/1", {"id": id, "erase_at": erase_at.isoformat()}, id)
        shown = await in_thread(self._show, id, app)
        if erase:
            await self._operate("volume.erase/1", {"id": id}, id)
            shown["state"] = str(VolumeState.DESTROYED)
        return shown

    async def restore(self, id: str, app: str) -> dict[str, Any]:
        """Bring a destroyed volume back."""
        await in_thread(self._world.book.get_volume, id, app)
        await self._operate("volume.restore/1", {"id": id}, id)
        return await in_thread(self._show, id, app)

    async def erase_overdue(self) -> None:
        """Erase what was destroyed longer ago than the time for undo."""
        now = await in_thread(steady_now, self._world)
        for volume in await in_thread(self._world.book.list_overdue_volumes, now):
            try:
                await self._operate("volume.erase/1", {"id": volume.id}, volume.id)
            except Problem as problem:
                note("erasing failed", volume=volume.id, why=problem.message)

    async def _operate(self, name: str, inputs: dict[str, Any], id: str) -> None:
        operation = ulid(int(self._world.now().timestamp() * 1000), self._world.entropy())
        async with self._supervisor.exclusively(id):
            await self._supervisor.operate(name, inputs, id=operation, subject=id)

    def _show(self, id: str, app: str, *, observe: bool = False) -> dict[str, Any]:
        return self._presenter.volume(self._world.book.get_volume(id, app), observe=observe)


def checked_id(document: dict[str, Any]) -> str:
    """The id that control has chosen; Invalid."""
    id = document.get("id")
    if not isinstance(id, str) or not VOLUME_ID.match(id):
        raise Invalid(f"{id!r} is not a volume's id", field="id")
    return id
