"""Orders about what runs inside machines: exec, ps, signal, wait and logs."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from datetime import datetime

import msgspec

from caddis.agent.supervisor import Supervisor
from caddis.agent.threads import in_thread
from caddis.domain.errors import Conflict, Invalid, Refused, TimedOut
from caddis.domain.machine import Machine, MachineState
from caddis.machines.logs import START, read_log
from caddis.machines.plan import ExecResult, ProcessInfo
from caddis.wire.logs import LogLine
from caddis.wire.machine_request import ExecRequest, WaitRequest

PAGE = 100  # log lines
_NEVER_FROM = {"started": (MachineState.FAILED, MachineState.DESTROYED)}


@dataclass(frozen=True, slots=True)
class LogPage:
    """Lines of one app's machines on this host, by time; `token` asks for what comes after."""

    lines: list[LogLine]
    token: str


class InsideOrders:
    """`app` is the app on whose behalf control asks; another app's machine is not found."""

    def __init__(self, supervisor: Supervisor) -> None:
        self._supervisor = supervisor
        self._world = supervisor.world

    async def execute(self, id: str, app: str, request: ExecRequest) -> ExecResult:
        """Run a program inside a started machine."""
        await self._running(id, app)
        return await in_thread(
            self._world.runtime.execute, id, request.argv, stdin=request.stdin, timeout=request.timeout, env={}
        )

    async def list_processes(self, id: str, app: str) -> list[ProcessInfo]:
        """What runs inside a started machine."""
        await self._running(id, app)
        return await in_thread(self._world.runtime.list_processes, id)

    async def signal(self, id: str, app: str, number: int) -> None:
        """Send a signal to the main process of a started machine."""
        await self._running(id, app)
        await in_thread(self._world.runtime.signal, id, number)

    async def _running(self, id: str, app: str) -> None:
        machine = await in_thread(self._world.book.get_machine, id, app)
        if machine.state not in (MachineState.STARTED, MachineState.STOPPING):
            raise Conflict(f"machine {id} is {machine.state}, not started", hint=f"fly machine start {id}")

    async def wait(self, id: str, app: str, request: WaitRequest) -> Machine:
        """The machine once it is in one of the states; TimedOut after the request's seconds.

        Refused (400, at which clients stop asking) when the start they wait for has failed.
        """
        await in_thread(self._world.book.get_machine, id, app)

        def look() -> Machine | None:
            machine = self._world.book.get_machine(id, app)
            if request.version not in ("", machine.instance_id) and machine.state is not MachineState.DESTROYED:
                return None
            if request.is_met_by(machine.state) or _is_hopeless(machine, request):
                return machine
            return None

        machine = await self._supervisor.changes.wait_until(look, request.timeout)
        if machine is None:
            raise TimedOut(
                f"machine {id} did not become {' or '.join(request.states)} within {request.timeout} seconds"
            )
        if not request.is_met_by(machine.state):
            why = f": {machine.problem}" if machine.problem else ""
            raise Refused(f"machine {id} is {machine.state}{why}")
        return machine

    async def read_logs(self, app: str, *, machine: str | None, token: str) -> LogPage:
        """The next page: without a token, the latest lines."""
        return await in_thread(self._read_logs, app, machine, token)

    def _read_logs(self, app: str, only: str | None, token: str) -> LogPage:
        cursors = _decode(token)
        lines: list[LogLine] = []
        for machine in self._world.book.list_machines(app):
            if only not in (None, "", machine.id):
                continue
            path = self._world.runtime.log_path(machine.id)
            # a machine that the token does not know is new since then: all of it is news
            after = cursors.get(machine.id, START) if token else None
            found, cursors[machine.id] = read_log(path, after, PAGE)
            lines += [
                LogLine(
                    id=f"{machine.id}-{line.time}",
                    at=datetime.fromisoformat(line.time),
                    message=line.text,
                    instance=machine.id,
                    region=machine.region,
                    meta={"stream": line.stream, "event": {"provider": "app"}},
                )
                for line in found
            ]
        return LogPage(sorted(lines, key=lambda line: line.at), _encode(cursors))


def _is_hopeless(machine: Machine, request: WaitRequest) -> bool:
    return all(machine.state in _NEVER_FROM.get(state, ()) for state in request.states)


def _encode(cursors: dict[str, str]) -> str:
    return base64.urlsafe_b64encode(msgspec.json.encode(cursors)).decode()


def _decode(token: str) -> dict[str, str]:
    if not token:
        return {}
    try:
        return msgspec.json.decode(base64.urlsafe_b64decode(token), type=dict[str, str])
    except (ValueError, binascii.Error, msgspec.MsgspecError):
        raise Invalid(f"next_token {token!r} is not one of ours", field="next_token") from None
