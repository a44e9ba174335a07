"""Orders about streams into machines: programs that someone sits at, and connections to what listens inside."""

from __future__ import annotations

import socket
import time
from collections import Counter
from collections.abc import Mapping

import anyio
from starlette.websockets import WebSocket

from caddis.agent.bridge import Bridge
from caddis.agent.descriptors import write_all
from caddis.agent.supervisor import Supervisor
from caddis.agent.threads import in_thread
from caddis.domain.errors import Conflict, NotFound, Problem, Refused
from caddis.domain.life import DestroyAsked
from caddis.domain.machine import Machine, MachineState
from caddis.machines.execution import NOT_FOUND
from caddis.machines.plan import SessionPlan
from caddis.machines.sessions import END_OF_INPUT, NoProgram, Session
from caddis.telemetry.log import note
from caddis.wire.stream import Channel, SessionRequest, word_to_wire

CONSOLE = "caddis_console"  # the metadata of a machine that is there for its sessions only
CONSOLE_SECONDS = 60.0  # that it may be without one
_CONNECT_SECONDS = 5.0
MOST = 500  # streams of one host at once


class SessionOrders:
    """`app` is the app on whose behalf control asks; another app's machine is not found."""

    def __init__(self, supervisor: Supervisor) -> None:
        self._supervisor = supervisor
        self._world = supervisor.world
        self._sessions: Counter[str] = Counter()
        self._lonely: dict[str, float] = {}  # consoles without a session, and since when
        self._streams = 0

    async def run(self, id: str, app: str, request: SessionRequest, peer: WebSocket) -> None:
        """A program with its streams attached, to its end or the peer's; its exit status is the last word."""
        machine = await self._started(id, app)
        size = request.size
        plan = SessionPlan(
            argv=request.argv,
            user=request.user,
            term=request.term,
            terminal=None if size is None else (size.rows, size.columns),
        )
        self._count()
        self._sessions[id] += 1
        try:
            code, words = await self._attend(id, plan, peer)
        finally:
            self._streams -= 1
            self._sessions[id] -= 1
            if CONSOLE in machine.config.metadata and not self._sessions[id]:
                with anyio.CancelScope(shield=True):
                    await self._destroy(id)
        if words:
            await peer.send_bytes(bytes((Channel.ERRORS,)) + words)
        await peer.send_text(word_to_wire(exit=code))

    async def _attend(self, id: str, plan: SessionPlan, peer: WebSocket) -> tuple[int, bytes]:
        runtime = self._world.runtime
        try:
            session = await in_thread(runtime.open_session, id, plan)
        except NoProgram as absent:  # told as a shell tells it
            return NOT_FOUND, f"{absent.message}\n".encode()
        is_whole = False
        try:
            is_whole = await Bridge(peer, _SessionEnds(session), session.resize).run()
        finally:
            with anyio.CancelScope(shield=True):
                ended = await in_thread(runtime.close_session, id, session, hang_up=not is_whole)
        if not is_whole:
            note("a session was hung up", machine=id)
            raise Refused("the other end is gone")
        return ended

    async def connect(self, id: str, app: str, port: int, peer: WebSocket) -> None:
        """Bytes to and from a TCP port of a machine, until both sides have ended or one has broken off."""
        machine = await self._started(id, app)
        self._count()
        try:
            connection = await self._dial(machine, port)
            with connection:
                await peer.accept()
                await Bridge(peer, _ConnectionEnds(connection), lambda _rows, _columns: None).run()
        finally:
            self._streams -= 1

    async def _dial(self, machine: Machine, port: int) -> socket.socket:
        """IPv6 first, as Fly's own private network is of that only."""
        addresses = self._world.network.addresses(machine.slot)
        why = ""
        for address in (addresses.v6, addresses.v4):
            try:
                return await in_thread(_connect, address, port)
            except TimeoutError:
                why = "did not answer"
            except OSError as refused:
                why = (refused.strerror or str(refused)).lower()
        raise Conflict(
            f"cannot connect to port {port} of machine {machine.id}: {why}",
            hint="its program must listen on 0.0.0.0 or [::], not only on 127.0.0.1"
            f": fly machine exec {machine.id} 'netstat -ltn'",
        )

    async def destroy_abandoned(self) -> None:
        """Consoles that nobody sits at: whoever made them died before, or this agent did since."""
        now = time.monotonic()
        machines = await in_thread(self._world.book.list_machines)
        alone = {
            machine.id
            for machine in machines
            if machine.state not in (MachineState.CREATING, MachineState.DESTROYING, MachineState.DESTROYED)
            and CONSOLE in machine.config.metadata
            and not self._sessions[machine.id]
        }
        self._lonely = {id: self._lonely.get(id, now) for id in alone}
        for id, since in self._lonely.items():
            if now - since >= CONSOLE_SECONDS:
                await self._destroy(id)

    async def _destroy(self, id: str) -> None:
        try:
            await self._supervisor.feed(id, DestroyAsked(kill=True))
        except Problem as problem:  # it has ended, or is gone
            note("a console was not destroyed", machine=id, why=problem.message)

    async def _started(self, id: str, app: str) -> Machine:
        machine = await in_thread(self._world.book.get_machine, id, app)
        if machine.state not in (MachineState.STARTED, MachineState.STOPPING):
            raise Conflict(f"machine {id} is {machine.state}, not started", hint=f"fly machine start {id}")
        if not machine.slot:
            raise NotFound(f"machine {id} has no address")
        return machine

    def _count(self) -> None:
        if self._streams >= MOST:
            raise Conflict(f"this host has {MOST} streams into machines already", hint="end some of them")
        self._streams += 1


class _SessionEnds:
    waits_for_input = False

    def __init__(self, session: Session) -> None:
        self._session = session
        self.input = session.input
        errors = {} if session.errors is None else {Channel.ERRORS: session.errors}
        self.outputs: Mapping[Channel, int] = {Channel.OUTPUT: session.output, **errors}

    async def end_input(self) -> None:
        if self._session.is_terminal:
            await write_all(self.input, END_OF_INPUT)
        else:
            self._session.close_input()


class _ConnectionEnds:
    waits_for_input = True

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self.input = connection.fileno()
        self.outputs: Mapping[Channel, int] = {Channel.OUTPUT: self.input}

    async def end_input(self) -> None:
        try:
            self._connection.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # it is gone


def _connect(address: str, port: int) -> socket.socket:
    connection = socket.create_connection((address, port), _CONNECT_SECONDS)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connection.setblocking(False)
    return connection
