"""Machines with a schedule, over fakes and a clock that the test turns."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest
from cases import MACHINE, make_volume, new_machine
from fake_stage import NOW, FakeStage

from caddis.agent.changes import Changes
from caddis.agent.operations import RECIPES
from caddis.agent.orders.machines import MachineOrders
from caddis.agent.present import Presenter
from caddis.agent.supervisor import Supervisor
from caddis.domain.clock import Seen
from caddis.domain.machine import MachineState
from caddis.domain.machine_schedule import last_turn
from caddis.journal.journal import Journal

pytestmark = pytest.mark.host
HOUR = timedelta(hours=1)


def test_it_is_started_when_its_hour_has_come_and_not_before_nor_when_the_wall_clock_jumps() -> None:
    async def run() -> None:
        now, uptime = last_turn(MACHINE, HOUR, NOW) + timedelta(minutes=1), timedelta()
        look = lambda: Seen(wall=now, boot="b", uptime=uptime.total_seconds())  # noqa: E731
        world = replace(stage.world, now=lambda: now, look=look)
        supervisor = Supervisor(world, Journal(world.book.database, RECIPES), Changes())
        orders = MachineOrders(supervisor, Presenter(world, 1024, 1))
        resting = replace(new_machine(stage), state=MachineState.STOPPED, wanted=MachineState.STOPPED, created_at=now)
        resting = replace(resting, config=replace(resting.config, schedule="hourly"))
        world.book.write(lambda writer: writer.put_machine(resting))
        await orders.start_due()
        assert world.book.get_machine(MACHINE).state is MachineState.STOPPED
        now += HOUR
        await orders.start_due()  # an hour that nobody lived through
        assert world.book.get_machine(MACHINE).state is MachineState.STOPPED
        uptime += HOUR
        await orders.start_due()
        assert world.book.get_machine(MACHINE).wanted is MachineState.STARTED
        await supervisor.close()

    stage = FakeStage()
    make_volume(stage)
    try:
        asyncio.run(run())
    finally:
        stage.close()
