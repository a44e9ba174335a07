"""Daily snapshots, their keeping and their end, over fakes and a clock that the test turns."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from cases import VOLUME, make_volume
from fake_stage import NOW, FakeStage

from caddis.agent.changes import Changes
from caddis.agent.operations import RECIPES
from caddis.agent.orders.snapshots import SnapshotOrders
from caddis.agent.orders.volumes import VolumeOrders
from caddis.agent.present import Presenter
from caddis.agent.supervisor import Supervisor
from caddis.backups.status import StoreStatus
from caddis.domain.clock import Seen
from caddis.domain.errors import NoCapacity
from caddis.domain.snapshot import Snapshot, SnapshotStatus
from caddis.domain.volume import VolumeState
from caddis.journal.journal import Journal

pytestmark = pytest.mark.host

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


class Host:
    """An agent's orders whose computer shows the wall clock and uptime that a test chooses."""

    def __init__(self, stage: FakeStage) -> None:
        self.stage = stage
        self.wall, self.uptime, self._entropy = NOW, 0.0, 0
        self.world = replace(stage.world, now=lambda: self.wall, look=self._look, entropy=self._draw)
        supervisor = Supervisor(self.world, Journal(self.world.book.database, RECIPES), Changes())
        presenter = Presenter(self.world, 1024, 1)
        self.supervisor = supervisor
        self.snapshots = SnapshotOrders(supervisor, presenter)
        self.volumes = VolumeOrders(supervisor, presenter)

    def _look(self) -> Seen:
        return Seen(wall=self.wall, boot="b", uptime=self.uptime)

    def _draw(self) -> bytes:
        self._entropy += 1
        return self._entropy.to_bytes(16, "big")

    async def sweep(self) -> None:
        """What the agent does every half minute."""
        await self.snapshots.erase_expired()
        await self.snapshots.take_due()
        await self.supervisor.close()
        await self.snapshots.keep_all()

    async def live(self, time: timedelta, *, step: timedelta = HOUR) -> None:
        """Let time pass, sweeping all the while."""
        for _ in range(int(time / step)):
            self.wall, self.uptime = self.wall + step, self.uptime + step.total_seconds()
            await self.sweep()

    def listed(self, status: SnapshotStatus = SnapshotStatus.CREATED) -> list[Snapshot]:
        return [one for one in self.world.book.list_snapshots(VOLUME) if one.status is status]


@pytest.fixture
def stage() -> Iterator[FakeStage]:
    made = FakeStage()
    make_volume(made)
    yield made
    made.close()


def test_one_is_taken_every_day_and_goes_after_its_days(stage: FakeStage) -> None:
    async def run() -> None:
        host = Host(stage)
        await host.live(4 * DAY)
        assert len(host.listed()) == 4
        gaps = [later.due_at - earlier.due_at for earlier, later in zip(host.listed(), host.listed()[1:], strict=False)]
        assert all(gap == DAY for gap in gaps)
        assert all(one.scheduled and one.kept_at for one in host.listed())
        await host.live(5 * DAY)
        assert len(host.listed()) in (5, 6)
        assert len(stage.kept.kept) == len(host.listed()) == len(stage.volumes.snapshots)

    asyncio.run(run())


@pytest.mark.parametrize("years", [5, -5])
def test_a_clock_that_jumps_expires_nothing_and_takes_nothing_twice(stage: FakeStage, years: int) -> None:
    async def run() -> None:
        host = Host(stage)
        await host.live(4 * DAY)
        before = host.listed()
        host.wall += timedelta(days=365 * years)
        await host.live(4 * HOUR)
        assert [one.id for one in host.listed()][: len(before)] == [one.id for one in before]
        assert len(host.listed()) <= len(before) + 1
        host.wall = NOW + 4 * DAY + 4 * HOUR  # somebody puts it right
        await host.live(20 * HOUR)
        assert len(host.listed()) <= len(before) + 2

    asyncio.run(run())


def test_a_destroyed_volume_leaves_its_snapshots_for_their_days_and_then_nothing(stage: FakeStage) -> None:
    async def run() -> None:
        host = Host(stage)
        await host.live(2 * DAY)
        await host.volumes.destroy(VOLUME, "web")
        assert (await host.volumes.get(VOLUME, "web"))["state"] == VolumeState.PENDING_DESTROY
        host.wall, host.uptime = host.wall + DAY, host.uptime + DAY.total_seconds()
        await host.volumes.erase_overdue()
        assert host.world.book.find_volume(VOLUME) is None
        assert len(host.listed()) == 2
        assert all(one.origin.wrapped_key for one in host.listed()), "what is restored needs its key"
        await host.live(6 * DAY)
        assert host.world.book.list_snapshots() == []
        assert stage.volumes.leftovers() == [] and stage.kept.leftovers() == []

    asyncio.run(run())


def test_one_that_cannot_be_taken_is_listed_as_failed_once_and_tried_again(stage: FakeStage) -> None:
    async def run() -> None:
        host = Host(stage)
        host.world.volumes.next_problem["take_snapshot"] = NoCapacity("the pool is full")  # type: ignore[attr-defined]
        while not host.listed(SnapshotStatus.FAILED):
            await host.live(HOUR)
        (failed,) = host.listed(SnapshotStatus.FAILED)
        assert failed.problem == "the pool is full" and failed.origin.wrapped_key is None
        await host.live(2 * HOUR)
        assert len(host.listed()) == 1

    asyncio.run(run())


def test_without_room_nothing_piles_up(stage: FakeStage) -> None:
    async def run() -> None:
        host = Host(stage)
        full = replace(host.world, volumes=_Full(stage.volumes))
        host.snapshots._world = full
        await host.live(3 * DAY)
        assert len(host.listed(SnapshotStatus.FAILED)) == 1
        assert "left" in host.listed(SnapshotStatus.FAILED)[0].problem

    asyncio.run(run())


class _Full:
    """Volumes whose pool has nothing left to promise."""

    def __init__(self, volumes: object) -> None:
        self._volumes = volumes

    def __getattr__(self, name: str) -> object:
        return getattr(self._volumes, name)

    def capacity_bytes(self) -> int:
        return 0

    def snapshot_bound(self, volume_id: str) -> int:
        return 1 << 20


def test_while_the_store_is_red_snapshots_wait_and_none_is_forgotten(stage: FakeStage) -> None:
    async def run() -> None:
        host = Host(stage)
        await host.live(2 * DAY)

        def red(now: datetime) -> StoreStatus:
            return StoreStatus("the disk is full", now)

        stage.kept.probe = red  # type: ignore[method-assign]
        await host.live(7 * DAY)
        assert host.listed()[-1].kept_at is None
        only_kept = [one for one in host.listed() if not one.is_local]
        assert only_kept and len(stage.kept.kept) == 2, "what cannot be forgotten yet stays in the book"
        del stage.kept.probe
        await host.live(DAY)
        assert host.listed()[-1].kept_at is not None
        assert {id for _, id in stage.kept.kept} == {one.id for one in host.listed()}

    asyncio.run(run())
