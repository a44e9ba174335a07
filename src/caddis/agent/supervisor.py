"""Watching over the machines: feeds events to `domain.life.decide` and carries out its instructions.

What must survive the agent is in the book before it is acted upon, so after a death `recover` only looks at states and
at what still runs. One operation at a time works on a machine (`_work`); decisions are made inside book transactions.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections import defaultdict
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import replace
from typing import Any

from caddis.agent.book import Writer
from caddis.agent.changes import Changes
from caddis.agent.history import write_history
from caddis.agent.threads import in_thread
from caddis.agent.timers import Timers
from caddis.agent.world import World
from caddis.domain.errors import Problem
from caddis.domain.life import (
    RESTING,
    Ended,
    Erase,
    Halt,
    Instruction,
    Launch,
    LifeEvent,
    RestartAt,
    RestartDue,
    StartAsked,
    TearDown,
    decide,
    recall,
)
from caddis.domain.machine import ExitStatus, Machine, MachineState
from caddis.journal.journal import Entry, Journal
from caddis.telemetry.log import note, note_bug

_UNSEEN = -1  # exit code of a process that nobody saw end


class Supervisor:
    """Of all machines of one host."""

    def __init__(self, world: World, journal: Journal[World], changes: Changes) -> None:
        self.world = world
        self.journal = journal
        self.changes = changes
        self._work: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._watched: dict[str, int] = {}  # machine -> pidfd
        self._timers = Timers()
        self._tasks: set[asyncio.Task[None]] = set()
        self._resumes = True
        self.on_watch: Callable[[str, bool], None] = lambda _id, _runs: None  # told when one begins to run, and ends

    # --- operations -------------------------------------------------------------------------------------------------
    async def operate(self, name: str, inputs: Mapping[str, Any], *, id: str, subject: str) -> Mapping[str, Any]:
        """Begin an operation (or find it begun) and walk it to its end; raises its Problem."""
        return await in_thread(self._operate, name, inputs, id, subject)

    def _operate(self, name: str, inputs: Mapping[str, Any], id: str, subject: str) -> Mapping[str, Any]:
        try:
            self.journal.begin(name, inputs, id=id, subject=subject)
            self.world.book.tell()
            return self.journal.walk(id, self.world)
        finally:
            self.world.book.tell()

    async def begin(self, name: str, inputs: Mapping[str, Any], *, id: str, subject: str) -> None:
        """Begin an operation, and walk it in the background when nobody else works on the subject."""
        await in_thread(lambda: self.journal.begin(name, inputs, id=id, subject=subject))
        self.world.book.tell()
        self.spawn(self._walk(id, subject))

    async def _walk(self, id: str, subject: str) -> None:
        async with self._work[subject]:
            try:
                await in_thread(self.journal.walk, id, self.world)
            finally:
                self.world.book.tell()

    def exclusively(self, id: str) -> asyncio.Lock:
        """Held by whoever works on that machine or volume."""
        return self._work[id]

    # --- events -----------------------------------------------------------------------------------------------------
    async def feed(self, id: str, event: LifeEvent, *, app: str | None = None) -> Machine:
        """Decide, write the decision down, and see to it in the background; the machine as it is then."""
        machine, instructions = await in_thread(self._decide, id, event, app)
        self.spawn(self.obey(id, instructions))
        return machine

    def _decide(self, id: str, event: LifeEvent, app: str | None) -> tuple[Machine, tuple[Instruction, ...]]:
        now = self.world.now()

        def work(writer: Writer) -> tuple[Machine, tuple[Instruction, ...]]:
            before = writer.get_machine(id, app)
            after, instructions = decide(before, event)
            if after != before:
                after = replace(after, updated_at=now)
                writer.put_machine(after)
                write_history(writer, before, after, event, entropy=self.world.entropy())
            return after, instructions

        return self.world.book.write(work)

    # --- instructions -----------------------------------------------------------------------------------------------
    async def obey(self, id: str, instructions: tuple[Instruction, ...]) -> None:
        """Carry out the instructions, one after the other."""
        for instruction in instructions:
            match instruction:
                case Launch():
                    await self.launch(id)
                case Halt(signal_name, timeout):
                    await self._halt(id, signal_name, timeout)
                case TearDown():
                    await self._tear_down(id)
                case RestartAt(at):
                    self._set_timer(id, max(0.0, (at - self.world.now()).total_seconds()), self._restart_is_due)
                case Erase():
                    await self._erase(id)

    async def launch(self, id: str) -> None:
        """Bring the machine up if that is still wanted; raises the Problem for which it failed."""
        problem: Problem | None = None
        async with self._work[id]:
            machine = await in_thread(self.world.book.get_machine, id)
            if machine.state is not MachineState.STARTING:
                return
            await self._give_back(machine)  # a start may overtake the teardown that was to come before it
            number = machine.launch + 1
            inputs = {"machine": id, "launch": number}
            try:
                await self.operate("machine.launch/1", inputs, id=f"launch:{id}:{number}", subject=id)
            except Problem as failure:
                note("launch failed", machine=id, why=failure.message)
                problem = failure
            machine = await in_thread(self.world.book.get_machine, id)
        self.look_after(machine)
        if problem is not None:
            raise problem

    def look_after(self, machine: Machine) -> None:
        """Watch it if it runs, and see to what its state asks for."""
        if machine.state in (MachineState.STARTED, MachineState.STOPPING):
            self.spawn(self._watch(machine.id))
        self.spawn(self.obey(machine.id, recall(machine)))

    async def _halt(self, id: str, signal_name: str, timeout: float) -> None:
        number = getattr(signal, signal_name, signal.SIGINT)
        if timeout <= 0 or number == signal.SIGKILL:
            await in_thread(self.world.runtime.kill_all, id)
            return
        await in_thread(self.world.runtime.signal, id, int(number))
        self._set_timer(id, timeout, self._kill)

    async def _kill(self, id: str) -> None:
        machine = await in_thread(self.world.book.find_machine, id)
        if machine is not None and machine.state is MachineState.STOPPING:
            await in_thread(self.world.runtime.kill_all, id)

    async def _tear_down(self, id: str) -> None:
        async with self._work[id]:
            machine = await in_thread(self.world.book.get_machine, id)
            if machine.state in RESTING:
                await self._give_back(machine)

    async def _give_back(self, machine: Machine) -> None:
        """Tear down the last launch if that has not been done; the caller holds the machine's lock."""
        if machine.torn_down < machine.launch:
            inputs = {"machine": machine.id, "launch": machine.launch}
            id = f"teardown:{machine.id}:{machine.launch}"
            await self.operate("machine.teardown/1", inputs, id=id, subject=machine.id)

    async def _erase(self, id: str) -> None:
        async with self._work[id]:
            machine = await in_thread(self.world.book.get_machine, id)
            if machine.state is not MachineState.DESTROYING:
                return
            await self.operate("machine.destroy/1", {"machine": id}, id=f"destroy:{id}", subject=id)
        self._forget(id)

    async def _restart_is_due(self, id: str) -> None:
        await self.feed(id, RestartDue())

    # --- watching ---------------------------------------------------------------------------------------------------
    async def _watch(self, id: str) -> None:
        if id in self._watched:
            return
        pid = await in_thread(self.world.runtime.find_watched_pid, id)
        pidfd = _open_pidfd(pid)
        if pidfd is None:
            await self._ended(id)
            return
        self._watched[id] = pidfd
        self.on_watch(id, True)
        asyncio.get_running_loop().add_reader(pidfd, self._on_exit, id, pidfd)

    def _on_exit(self, id: str, pidfd: int) -> None:
        asyncio.get_running_loop().remove_reader(pidfd)
        os.close(pidfd)
        self._watched.pop(id, None)
        self.on_watch(id, False)
        self.spawn(self._ended(id))

    async def _ended(self, id: str) -> None:
        async with self._work[id]:  # not while a launch is still writing down that it succeeded
            machine = await in_thread(self.world.book.find_machine, id)
            if machine is None or machine.state not in (MachineState.STARTED, MachineState.STOPPING):
                return
            report = await in_thread(self.world.runtime.read_exit, id)
            lost = report is None and id not in await in_thread(self.world.runtime.list_names)  # a reboot clears /run
            if report is None:
                exit = ExitStatus(code=_UNSEEN, at=self.world.now())
            else:
                exit = ExitStatus(code=report.code, signal=report.signal, oom_killed=report.oom_killed, at=report.at)
            self._timers.cancel(id)
            told = {"code": exit.code, "signal": exit.signal, "oom_killed": exit.oom_killed, "with_host": lost}
            note("machine ended", machine=id, **told)
            _, instructions = await in_thread(self._decide, id, Ended(exit, with_host=lost), None)
        await self.obey(id, instructions)

    # --- coming back ------------------------------------------------------------------------------------------------
    async def recover(self, *, resume: bool = True) -> None:
        """Take up what a dead agent left, in the background: its operations, and every machine.

        Machines that an earlier `caddis down` stopped start again, unless not to `resume`.
        """
        self._resumes = resume
        await self.resume_operations()
        busy = {entry.subject for entry in await in_thread(self.journal.list_open)}
        for machine in await in_thread(self.world.book.list_machines):
            if machine.id not in busy:
                self.spawn(self._take_up(machine.id))

    async def resume_operations(self) -> None:
        """Walk every open operation that nobody is walking, stuck ones too."""
        await in_thread(self.journal.unstick)
        for entry in await in_thread(self.journal.list_open):
            if not self._work[entry.subject].locked():
                self.spawn(self._resume(entry))

    async def _resume(self, entry: Entry) -> None:
        note("resuming", operation=entry.name, id=entry.id, state=entry.state)
        try:
            await self._walk(entry.id, entry.subject)
        except Problem as problem:
            note("resumed operation ended", operation=entry.name, id=entry.id, why=problem.message)
        # What the first steps of a launch had made is gone when it was the computer that went down: begin anew, once.
        await self._take_up(entry.subject, again=entry.name.startswith("machine.launch/"))

    async def _take_up(self, id: str, *, again: bool = False) -> None:
        machine = await in_thread(self.world.book.find_machine, id)
        if machine is None:
            return  # a volume, or undone
        waiting = (MachineState.CREATED, MachineState.FAILED) if again else (MachineState.CREATED,)
        unmet = machine.wanted is MachineState.STARTED and machine.state in waiting
        if self._resumes and (unmet or machine.resume):
            await self.feed(id, StartAsked())
        else:
            self.look_after(machine)

    async def close(self) -> None:
        """Stop watching. Machines run on; operations under way finish."""
        self._timers.close()
        for pidfd in self._watched.values():
            asyncio.get_running_loop().remove_reader(pidfd)
            os.close(pidfd)
        self._watched.clear()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=10)

    # --- small things -----------------------------------------------------------------------------------------------
    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Run in the background; a Problem is logged, a bug with its traceback."""
        task = asyncio.get_running_loop().create_task(_guard(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _set_timer(self, id: str, seconds: float, then: Callable[[str], Coroutine[Any, Any, None]]) -> None:
        self._timers.set(id, seconds, lambda: self.spawn(then(id)))

    def _forget(self, id: str) -> None:
        self._timers.cancel(id)
        if not self._work[id].locked():
            del self._work[id]


def _open_pidfd(pid: int | None) -> int | None:
    if pid is None:
        return None
    try:
        return os.pidfd_open(pid)
    except ProcessLookupError:
        return None


async def _guard(work: Coroutine[Any, Any, None]) -> None:
    try:
        await work
    except Problem as problem:
        note("in the background", problem=problem.message)
    except Exception as bug:  # noqa: BLE001  the top of a task: a bug must not end the watch over the others
        note_bug("bug in the background", bug)
