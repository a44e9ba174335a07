"""A scheduled machine, over fakes and a clock that the test turns."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
from cases import MACHINE, make_started
from fake_stage import NOW, FakeStage

from caddis.agent.book import Writer
from caddis.agent.changes import Changes
from caddis.agent.operations import RECIPES
from caddis.agent.scheduling import start_scheduled
from caddis.agent.supervisor import Supervisor
from caddis.domain.clock import Seen
from caddis.domain.life import Ended
from caddis.domain.machine import ExitStatus, MachineState
from caddis.journal.journal import Journal

pytestmark = pytest.mark.host

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


@pytest.fixture
def stage() -> Iterator[FakeStage]:
    stage = FakeStage()
    yield stage
    stage.close()


class Host:
    """Its machine was started once, ended well, and is to run daily."""

    def __init__(self, stage: FakeStage) -> None:
        self.stage, self.wall, self.uptime = stage, NOW, 0.0
        make_started(stage)
        look = lambda: Seen(wall=self.wall, boot="b", uptime=self.uptime)  # noqa: E731
        world = replace(stage.world, now=lambda: self.wall, look=look)
        self.supervisor = Supervisor(world, Journal(world.book.database, RECIPES), Changes())
        world.book.write(self._schedule)

    def _schedule(self, writer: Writer) -> None:
        machine = writer.get_machine(MACHINE)
        writer.put_machine(replace(machine, config=replace(machine.config, schedule="daily")))

    async def end(self) -> None:
        """The program ends well."""
        self.stage.runtime.end(MACHINE)
        await self.supervisor.feed(MACHINE, Ended(ExitStatus(code=0, at=self.wall)))
        await self.supervisor.close()

    async def live(self, hours: int) -> int:
        """How often the machine was launched meanwhile; each time it ends at once."""
        before = len(self.stage.runtime.launches)
        for _ in range(hours):
            await start_scheduled(self.supervisor)
            await self.supervisor.close()
            self.wall, self.uptime = self.wall + HOUR, self.uptime + HOUR.total_seconds()
        return len(self.stage.runtime.launches) - before


def test_a_daily_machine_is_started_once_a_day_and_a_jump_of_the_clock_starts_nothing(stage: FakeStage) -> None:
    async def run() -> None:
        host = Host(stage)
        await host.end()
        assert await host.live(24) == 0
        assert await host.live(72) == 3
        host.wall += timedelta(days=365)
        assert await host.live(12) <= 1

    asyncio.run(run())


def test_one_that_runs_when_its_time_comes_is_not_disturbed(stage: FakeStage) -> None:
    async def run() -> None:
        host = Host(stage)
        assert await host.live(49) == 0
        machine = stage.world.book.get_machine(MACHINE)
        assert machine.state is MachineState.STARTED and machine.scheduled_at == NOW + timedelta(days=2)

    asyncio.run(run())
