"""Starting and ending the agent. Machines do not notice either (promise P6)."""

from __future__ import annotations

import asyncio
import fcntl
import os
import socket
import sys
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import uvicorn
from starlette.applications import Starlette

from caddis.agent.adopting import adopt
from caddis.agent.auto_extend import extend_what_is_full
from caddis.agent.changes import Changes
from caddis.agent.checker import Checker
from caddis.agent.door import Door, Orders
from caddis.agent.down import stop_machines
from caddis.agent.open_world import OpenWorld, count_cpus, measure_memory_mb, open_world
from caddis.agent.operations import RECIPES
from caddis.agent.options import Options, parse_options
from caddis.agent.orders.files import FileOrders
from caddis.agent.orders.guest_files import GuestFileOrders
from caddis.agent.orders.imports import ImportOrders
from caddis.agent.orders.inside import InsideOrders
from caddis.agent.orders.machines import MachineOrders
from caddis.agent.orders.sessions import SessionOrders
from caddis.agent.orders.snapshots import SnapshotOrders
from caddis.agent.orders.volumes import VolumeOrders
from caddis.agent.present import Presenter
from caddis.agent.reports import Reporter
from caddis.agent.supervisor import Supervisor
from caddis.agent.threads import in_thread
from caddis.agent.usage import note_usage
from caddis.agent.world import World
from caddis.domain.errors import Conflict, Problem
from caddis.journal.journal import Journal
from caddis.machines.logs import tend
from caddis.telemetry.log import configure, note, note_bug
from caddis.wire.stream import LONGEST_MESSAGE

_SWEEP = 30.0  # seconds between looks at what is overdue
_IMAGE_SWEEP = 3600.0
_LOG_SWEEP = 5.0
_STORE_INTERVAL, _STORE_LOOKS = 3.0, 10  # a look at the choice, and how many of them to one at the store itself
_STORE_SWEEP = 6 * 3600.0
_FULLNESS_SWEEP = 5.0


def main(arguments: Sequence[str] | None = None) -> int:
    """Run until told to end; a Problem is one plain sentence on stderr and exit status 1."""
    options = parse_options(sys.argv[1:] if arguments is None else arguments)
    configure(f"agent {options.host}", verbose=options.verbose)
    try:
        with _only_one(options.folder):
            if options.adopt:
                adopt(options)
                return 0
            asyncio.run(_take_down(options) if options.down else _serve(options))
    except Problem as problem:
        print(f"Error: {problem.message}", file=sys.stderr)  # noqa: T201  for whoever started us
        if problem.hint:
            print(problem.hint, file=sys.stderr)  # noqa: T201
        return problem.exit_code
    return 0


class _only_one:
    """Holds the host's folder: two agents on one book would be two brains."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._path = folder / "agent.lock"

    def __enter__(self) -> None:
        self._file = self._path.open("a+")
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Conflict(f"another agent already serves {self._path.parent}") from None

    def __exit__(self, *_: object) -> None:
        self._file.close()


async def _serve(options: Options) -> None:
    opened = await asyncio.to_thread(open_world, options)
    world = opened.world
    changes = Changes()
    world.book.on_change = changes.tell
    journal = Journal(world.book.database, RECIPES)
    supervisor = Supervisor(world, journal, changes)
    presenter = Presenter(world, measure_memory_mb(), count_cpus())
    volumes = VolumeOrders(supervisor, presenter, undo_period=timedelta(seconds=options.undo))
    orders = Orders(
        volumes=volumes,
        snapshots=SnapshotOrders(supervisor, presenter),
        machines=MachineOrders(supervisor, presenter),
        inside=InsideOrders(supervisor),
        files=FileOrders(supervisor),
        imports=ImportOrders(supervisor, volumes),
        sessions=SessionOrders(supervisor),
        guest_files=GuestFileOrders(supervisor),
    )
    door = Door(presenter, orders)
    path = options.run / "agent.sock"
    server = _Server(door.application())
    listener = _listen(path)
    await asyncio.to_thread(world.runtime.end_strays)
    checker = Checker(world, supervisor.spawn)
    supervisor.on_watch = checker.follow
    await supervisor.recover()
    reporter = Reporter(presenter, changes, api=options.api, token_file=options.token_file, address=f"unix:{path}")
    loops = [
        asyncio.create_task(_forever("reports", reporter.run)),
        asyncio.create_task(_forever("sweep", lambda: _sweep(supervisor, orders))),
        asyncio.create_task(_forever("kept snapshots", lambda: _keep(orders, changes, world))),
        asyncio.create_task(_forever("store", lambda: _collect(orders))),
        asyncio.create_task(_forever("logs", lambda: _tend_logs(world))),
        asyncio.create_task(_forever("full volumes", lambda: _watch_fullness(world, orders.volumes))),
        asyncio.create_task(_forever("images", lambda: _sweep_images(supervisor))),
    ]
    note("agent is ready", host=options.host, zone=options.zone, socket=str(path))
    try:
        await server.serve(sockets=[listener])
    finally:
        for loop in loops:
            loop.cancel()
        await asyncio.gather(*loops, return_exceptions=True)
        await checker.close()
        await supervisor.close()
        world.book.on_change = None
        await asyncio.to_thread(opened.close)


class _Server(uvicorn.Server):
    """uvicorn without opinions about logs; a wait that is still open does not hold up the end."""

    def __init__(self, application: Starlette) -> None:
        super().__init__(
            uvicorn.Config(
                application,
                ws="websockets-sansio",
                ws_max_size=LONGEST_MESSAGE,
                ws_per_message_deflate=False,
                log_config=None,
                access_log=False,
                lifespan="off",
                timeout_graceful_shutdown=1,
            )
        )


def _listen(path: Path) -> socket.socket:
    with suppress(FileNotFoundError):
        path.unlink()  # of an agent that died; that it did is certain, because we hold the lock
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    before = os.umask(0o177)
    try:
        listener.bind(str(path))
    finally:
        os.umask(before)
    return listener


async def _forever(name: str, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
    while True:
        try:
            await work()
        except Exception as bug:  # noqa: BLE001  the top of a loop: one bad turn must not end the others
            note_bug("bug in a loop", bug, loop=name)
            await asyncio.sleep(1.0)


async def _sweep(supervisor: Supervisor, orders: Orders) -> None:
    await asyncio.sleep(_SWEEP)
    await supervisor.resume_operations()
    await orders.volumes.erase_overdue()
    await orders.snapshots.erase_expired()
    await orders.snapshots.take_due()
    await orders.machines.start_due()
    await orders.sessions.destroy_abandoned()
    now = supervisor.world.now()
    await in_thread(supervisor.world.book.write, lambda writer: writer.forget_tombstones(now))
    await in_thread(supervisor.journal.forget_ended)


async def _keep(orders: Orders, changes: Changes, world: World) -> None:
    """At every interval, as soon as there is something to ship, and when the operator chose another store."""
    await orders.snapshots.keep_all()
    store = world.kept.where
    left = await in_thread(world.book.count_unkept, store)
    for _ in range(_STORE_LOOKS):
        found = await changes.wait_until(lambda: world.book.count_unkept(store) > left or None, _STORE_INTERVAL)
        if found or world.kept.where != store:
            return


async def _collect(orders: Orders) -> None:
    await asyncio.sleep(_STORE_SWEEP)
    await orders.snapshots.collect()


async def _tend_logs(world: World) -> None:
    """Often enough that a log which fills up keeps its last part when conmon begins a new one."""
    await asyncio.sleep(_LOG_SWEEP)
    for name in await in_thread(world.runtime.list_names):
        await in_thread(tend, world.runtime.log_path(name))


async def _watch_fullness(world: World, volumes: VolumeOrders) -> None:
    await asyncio.sleep(_FULLNESS_SWEEP)
    await in_thread(note_usage, world)
    await extend_what_is_full(world, volumes)


async def _sweep_images(supervisor: Supervisor) -> None:
    await asyncio.sleep(_IMAGE_SWEEP)
    machines = await in_thread(supervisor.world.book.list_machines)
    await in_thread(supervisor.world.images.forget_unused, [machine.image_digest for machine in machines])


async def _take_down(options: Options) -> None:
    opened: OpenWorld = await asyncio.to_thread(open_world, options)
    world = opened.world
    changes = Changes()
    world.book.on_change = changes.tell
    supervisor = Supervisor(world, Journal(world.book.database, RECIPES), changes)
    await supervisor.recover(resume=False)
    stopped = await stop_machines(supervisor)
    await supervisor.close()
    world.book.on_change = None
    await asyncio.to_thread(opened.detach)
    for id in stopped:
        print(f"stopped machine {id}", flush=True)  # noqa: T201  stdout is for whoever asked; logs go to stderr
    note("host is down", host=options.host, stopped=len(stopped))
