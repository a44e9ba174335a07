"""Orders about snapshots: taking one, the daily ones, and letting those go that have had their time."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from itertools import groupby
from typing import Any

import msgspec

from caddis.agent.book import Writer
from caddis.agent.clock import steady_now
from caddis.agent.present import Presenter
from caddis.agent.supervisor import Supervisor
from caddis.agent.threads import in_thread
from caddis.backups.status import StoreStatus
from caddis.domain.errors import Problem
from caddis.domain.ids import snapshot_id, ulid
from caddis.domain.schedule import is_due
from caddis.domain.snapshot import Snapshot, SnapshotStatus, choose_expired, choose_unkept, origin_of
from caddis.domain.volume import Volume, VolumeState
from caddis.telemetry.log import note
from caddis.wire.snapshot import snapshot_begun_to_wire, snapshot_to_wire


class SnapshotOrders:
    """`app` is the app on whose behalf control asks; another app's volume is not found."""

    def __init__(self, supervisor: Supervisor, presenter: Presenter) -> None:
        self._supervisor = supervisor
        self._presenter = presenter
        self._world = supervisor.world
        if self._world.kept.is_wanted:
            presenter.store = StoreStatus("nobody has looked at the store yet", self._world.now())

    async def list(self, volume: str, app: str) -> list[dict[str, Any]]:
        """The snapshots of a volume, oldest first, also when the volume is gone."""
        snapshots = await in_thread(self._world.book.list_snapshots, volume)
        return [snapshot_to_wire(snapshot) for snapshot in snapshots if snapshot.app == app]

    async def create(self, volume: str, app: str) -> dict[str, Any]:
        """Begin one; it is on its way, and durably so, when this returns."""
        found = await in_thread(self._world.book.get_volume, volume, app)
        snapshot = await self._begin(found, scheduled=False)
        return snapshot_begun_to_wire(snapshot)

    async def take_due(self) -> None:
        """Begin the daily snapshot of every volume whose time has come."""
        now = await in_thread(steady_now, self._world)
        for volume in await in_thread(self._world.book.list_volumes):
            snapshots = await in_thread(self._world.book.list_snapshots, volume.id)
            if is_due(volume, snapshots, now):
                try:
                    await self._begin(volume, scheduled=True)
                except Problem as problem:
                    note("the daily snapshot failed", volume=volume.id, why=problem.message)
                    await in_thread(self._note_failure, volume, problem)

    async def erase_expired(self) -> None:
        """Erase what has had its time."""
        now = await in_thread(steady_now, self._world)
        snapshots = await in_thread(self._world.book.list_snapshots)
        for volume, group in groupby(sorted(snapshots, key=_volume_id), key=_volume_id):
            found = await in_thread(self._world.book.find_volume, volume)
            lives = found is not None and found.state is not VolumeState.DESTROYING
            for snapshot in choose_expired(group, now, volume_lives=lives):
                if not self._supervisor.exclusively(snapshot.id).locked():  # else it is being shipped
                    await self._erase(snapshot)

    async def _erase(self, snapshot: Snapshot) -> None:
        """Out of the pool, then out of the store; a Problem is noted, and it is tried again later."""
        inputs = {"id": snapshot.id, "volume": snapshot.volume_id}
        operate, exclusively = self._supervisor.operate, self._supervisor.exclusively
        try:
            async with exclusively(snapshot.id), exclusively(snapshot.volume_id):
                if snapshot.is_local:
                    id = f"erase:{snapshot.id}"
                    await operate("snapshot.erase/1", inputs, id=id, subject=snapshot.volume_id)
                if snapshot.may_be_kept and self._can_keep:
                    id = f"forget:{snapshot.id}"
                    await operate("snapshot.forget/1", inputs, id=id, subject=snapshot.volume_id)
        except Problem as problem:
            note("erasing a snapshot failed", snapshot=snapshot.id, why=problem.message)

    async def keep_all(self) -> None:
        """Look whether the store can be used, and ship what is not in it yet: one after the other."""
        if not await in_thread(lambda: self._world.kept.is_wanted):
            self._presenter.store = None
            return
        await self._look_at_store()
        snapshots = await in_thread(self._world.book.list_snapshots)
        for snapshot in choose_unkept(snapshots, store=self._world.kept.where):
            if self._can_keep and not self._supervisor.exclusively(snapshot.id).locked():
                await self._keep(snapshot)

    async def _keep(self, snapshot: Snapshot) -> None:
        inputs = {"id": snapshot.id, "volume": snapshot.volume_id}
        operation = ulid(int(self._world.now().timestamp() * 1000), self._world.entropy())
        try:
            async with self._supervisor.exclusively(snapshot.id):
                await self._supervisor.operate("snapshot.keep/1", inputs, id=operation, subject=snapshot.id)
        except Problem as problem:
            note("a snapshot could not be kept", snapshot=snapshot.id, why=problem.message)
            await self._look_at_store()

    async def _look_at_store(self) -> None:
        before, now = self._presenter.store, await in_thread(self._world.kept.probe, self._world.now())
        self._presenter.store = now
        if before is None or before.ok != now.ok:
            note("the store for kept snapshots", ok=now.ok, why=now.reason)

    @property
    def _can_keep(self) -> bool:
        return self._presenter.store is not None and self._presenter.store.ok

    async def collect(self) -> None:
        """Give back what no kept snapshot needs any more; later, while somebody ships."""
        if self._can_keep:
            try:
                await in_thread(self._world.kept.collect)
            except Problem as problem:
                note("the store was not collected", why=problem.message)

    async def _begin(self, volume: Volume, *, scheduled: bool) -> Snapshot:
        snapshot = await in_thread(self._describe, volume, scheduled)
        capacity = await in_thread(self._world.volumes.capacity_bytes)
        bound = await in_thread(self._world.volumes.snapshot_bound, volume.id)
        document = {**msgspec.to_builtins(snapshot), "origin": None}  # its key stays out of the journal
        inputs = {"snapshot": document, "volume": volume.id, "bound_bytes": bound, "capacity_bytes": capacity}
        operation = ulid(int(self._world.now().timestamp() * 1000), self._world.entropy())
        await self._supervisor.begin("snapshot.create/1", inputs, id=operation, subject=volume.id)
        return snapshot

    def _describe(self, volume: Volume, scheduled: bool) -> Snapshot:
        due = steady_now(self._world)
        return Snapshot(
            id=snapshot_id(self._world.entropy()),
            app=volume.app,
            volume_name=volume.name,
            region=volume.region,
            zone=volume.zone,
            origin=origin_of(volume),
            status=SnapshotStatus.WAITING,
            created_at=self._world.now(),
            retention_days=volume.snapshot_retention,
            due_at=due,
            expires_at=due + timedelta(days=volume.snapshot_retention),
            scheduled=scheduled,
        )

    def _note_failure(self, volume: Volume, problem: Problem) -> None:
        """A daily snapshot that could not even begin is listed as failed, in the place of the one before it."""
        failed = replace(self._describe(volume, True), status=SnapshotStatus.FAILED, problem=problem.message)

        def work(writer: Writer) -> None:
            for other in writer.list_snapshots(volume.id):
                if other.scheduled and other.status is SnapshotStatus.FAILED:
                    writer.delete_snapshot(other.id, other.app)
            writer.put_snapshot(replace(failed, origin=replace(failed.origin, wrapped_key=None)))

        self._world.book.write(work)


def _volume_id(snapshot: Snapshot) -> str:
    return snapshot.volume_id
