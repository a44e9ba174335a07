"""Looking at every running machine's checks, again and again, in the agent's event loop: one timer for each check.

States are in the book with their machine, so an agent that comes back goes on where its predecessor was; they are
written, and so reported, when a status changes, and now and then when only an output does.
"""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from caddis.agent.book import Writer
from caddis.agent.looks import Looks
from caddis.agent.threads import in_thread
from caddis.agent.world import World
from caddis.domain.check import Check, CheckState, Finding, begin_checks, decide_check, is_worth_telling, pause_after
from caddis.domain.machine import Machine, MachineState
from caddis.telemetry.log import note

_SPREAD = 10.0  # seconds over which the first looks of an agent that comes back are spread


@dataclass(slots=True)
class _Patient:
    """One launch of one machine."""

    machine: Machine
    states: dict[str, CheckState]
    told: dict[str, tuple[CheckState, datetime]]
    timers: dict[str, asyncio.TimerHandle] = field(default_factory=dict)

    @property
    def started_at(self) -> datetime:
        return self.machine.started_at or self.machine.updated_at


class Checker:
    """Of all machines of one host. `spawn` runs a coroutine in the background and sees to its failures."""

    def __init__(self, world: World, spawn: Callable[[Coroutine[Any, Any, None]], None]) -> None:
        self._world = world
        self._spawn = spawn
        self._looks = Looks(world.runtime)
        self._running: set[str] = set()
        self._patients: dict[str, _Patient] = {}

    def follow(self, id: str, runs: bool) -> None:
        """A machine has begun to run, or has ended."""
        self._leave(id)
        if runs:
            self._running.add(id)
            self._spawn(self._take(id))
        else:
            self._running.discard(id)

    async def close(self) -> None:
        """Look no more."""
        for id in list(self._patients):
            self._leave(id)
        await self._looks.close()

    def _leave(self, id: str) -> None:
        patient = self._patients.pop(id, None)
        for timer in patient.timers.values() if patient else ():
            timer.cancel()

    async def _take(self, id: str) -> None:
        machine = await in_thread(self._world.book.find_machine, id)
        if machine is None or machine.state is not MachineState.STARTED or id not in self._running:
            return
        now = self._world.now()
        states = {state.name: state for state in (*begin_checks(machine.config.checks, now), *machine.checks)}
        patient = _Patient(machine, states, {name: (state, now) for name, state in states.items()})
        self._leave(id)
        self._patients[id] = patient
        for check in machine.config.checks:
            fresh = pause_after(check, states[check.name], age=now - patient.started_at) < check.interval
            self._set_timer(patient, check, 0.0 if fresh else _spread(id, check))

    def _set_timer(self, patient: _Patient, check: Check, seconds: float) -> None:
        loop = asyncio.get_running_loop()
        patient.timers[check.name] = loop.call_later(seconds, lambda: self._spawn(self._look(patient, check)))

    async def _look(self, patient: _Patient, check: Check) -> None:
        loop = asyncio.get_running_loop()
        began = loop.time()
        try:
            status, output = await self._looks.look(patient.machine, check)
            if self._patients.get(patient.machine.id) is not patient:
                return  # it has ended meanwhile
            await self._take_in(patient, check, Finding(status, output, self._world.now()))
        finally:  # a bug in one look must not be the last of this check
            if self._patients.get(patient.machine.id) is patient:
                age = self._world.now() - patient.started_at
                pause = pause_after(check, patient.states[check.name], age=age)
                self._set_timer(patient, check, max(0.0, began + pause - loop.time()))

    async def _take_in(self, patient: _Patient, check: Check, finding: Finding) -> None:
        before = patient.states[check.name]
        after = decide_check(check, before, finding, started_at=patient.started_at)
        patient.states[check.name] = after
        if after.status is not before.status:
            note("check", machine=patient.machine.id, check=check.name, status=str(after.status), output=after.output)
        told, at = patient.told[check.name]
        if not is_worth_telling(told, after, since=finding.at - at):
            return
        patient.told.update({name: (state, finding.at) for name, state in patient.states.items()})
        await in_thread(self._world.book.write, lambda writer: _keep(writer, patient))


def _keep(writer: Writer, patient: _Patient) -> None:
    """Write the states down, unless the machine is at another launch by now."""
    machine = writer.find_machine(patient.machine.id)
    if machine is None or machine.launch != patient.machine.launch or machine.state is not MachineState.STARTED:
        return
    writer.put_machine(replace(machine, checks=tuple(patient.states.values())))


def _spread(id: str, check: Check) -> float:
    share = zlib.crc32(f"{id} {check.name}".encode()) / 2**32
    return share * min(_SPREAD, check.interval)
