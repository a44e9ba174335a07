"""How a machine's life goes on: `decide(machine, event) -> (machine, instructions)`. Pure; the supervisor obeys.

created ─┐                        ┌─────────── process ended, policy says again ───────────┐
stopped ─┼─ Start ─> starting ─ Launched ─> started ─ Stop ─> stopping ─ Ended ─> stopped   │
failed  ─┘              │                      │                                            │
                   LaunchFailed                └─ Ended ─> restarting ── RestartDue ────────┘
                        └─> failed                     └─> stopped (policy says no)
any resting state ── Destroy ─> destroying ─ (torn down) ─> destroyed
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from caddis.domain.check import begin_checks
from caddis.domain.errors import Conflict
from caddis.domain.machine import ExitStatus, Machine, MachineState, RestartPolicy

DEFAULT_MAX_RETRIES = 10
STABLE_AFTER = timedelta(seconds=60)  # a process that ran this long has recovered: its restarts count from zero again
_BACKOFF_SECONDS = (0.0, 1.0, 2.0, 4.0, 8.0, 15.0, 30.0, 60.0)


# --- events ---------------------------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class StartAsked:
    """A person or program wants it running."""


@dataclass(frozen=True, slots=True)
class Launched:
    """The process runs."""

    at: datetime


@dataclass(frozen=True, slots=True)
class LaunchFailed:
    """It could not be brought up; `reason` is one sentence."""

    reason: str
    at: datetime


@dataclass(frozen=True, slots=True)
class StopAsked:
    """A person or program wants it stopped; None means as the config says."""

    signal: str | None = None
    timeout: float | None = None


@dataclass(frozen=True, slots=True)
class RestartAsked:
    """A person or program wants it stopped and started again."""

    signal: str | None = None
    timeout: float | None = None


@dataclass(frozen=True, slots=True)
class Ended:
    """The process is gone; `with_host`: because its computer went down, not by anything of its own."""

    exit: ExitStatus
    with_host: bool = False


@dataclass(frozen=True, slots=True)
class RestartDue:
    """The back-off is over."""


@dataclass(frozen=True, slots=True)
class DestroyAsked:
    """A person or program wants it gone; `kill` permits it while running."""

    kill: bool = False


@dataclass(frozen=True, slots=True)
class HostGoesDown:
    """The host is being shut down: stop, and start again when it is back."""


LifeEvent = (
    StartAsked | Launched | LaunchFailed | StopAsked | RestartAsked | Ended | RestartDue | DestroyAsked | HostGoesDown
)


# --- instructions ---------------------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class Launch:
    """Bring it up."""


@dataclass(frozen=True, slots=True)
class Halt:
    """Send the signal, wait `timeout` seconds, then kill."""

    signal: str
    timeout: float


@dataclass(frozen=True, slots=True)
class TearDown:
    """Give back everything the launch took: container, root, network, volume device."""


@dataclass(frozen=True, slots=True)
class RestartAt:
    """Come back with RestartDue then."""

    at: datetime


@dataclass(frozen=True, slots=True)
class Erase:
    """Tear down, let go of the volume and forget the machine."""


Instruction = Launch | Halt | TearDown | RestartAt | Erase

_STARTABLE = frozenset({MachineState.CREATED, MachineState.STOPPED, MachineState.FAILED, MachineState.SUSPENDED})
_RUNNING = frozenset({MachineState.STARTED, MachineState.STARTING, MachineState.STOPPING})
RESTING = _STARTABLE | {MachineState.RESTARTING}
_GONE = frozenset({MachineState.DESTROYING, MachineState.DESTROYED})


def decide(machine: Machine, event: LifeEvent) -> tuple[Machine, tuple[Instruction, ...]]:
    """The machine after `event`, and what to do about it. Raises Conflict where the event cannot be met."""
    match event:
        case StartAsked():
            return _start(machine)
        case Launched(at):
            return _launched(machine, at)
        case LaunchFailed(reason, at):
            return _launch_failed(machine, reason, at)
        case StopAsked(signal, timeout):
            return _stop(machine, signal, timeout)
        case RestartAsked(signal, timeout):
            return _restart(machine, signal, timeout)
        case Ended(exit, with_host):
            return _ended(machine, exit, with_host)
        case RestartDue():
            if machine.state is not MachineState.RESTARTING:
                return machine, ()
            return replace(machine, state=MachineState.STARTING, restart_at=None), (Launch(),)
        case DestroyAsked(kill):
            return _destroy(machine, kill)
        case HostGoesDown():
            if machine.wanted is not MachineState.STARTED or machine.state in _STARTABLE:
                return machine, ()
            stopped, instructions = _stop(machine, None, None)
            return replace(stopped, resume=True), instructions


def recall(machine: Machine) -> tuple[Instruction, ...]:
    """What a machine asks for, seen from its state alone: after an agent's death, or when an operation has ended.

    A machine that is started or stopping must be looked at first (does its process still run?).
    """
    match machine.state:
        case MachineState.DESTROYING:
            return (Erase(),)
        case MachineState.STARTING:
            return (Launch(),)
        case MachineState.RESTARTING:
            again = RestartAt(machine.restart_at or machine.updated_at)
            return (TearDown(), again) if machine.torn_down < machine.launch else (again,)
        case MachineState.STOPPING:
            return (halt_of(machine),)
        case MachineState.CREATED | MachineState.STOPPED | MachineState.FAILED if machine.torn_down < machine.launch:
            return (TearDown(),)
    return ()


def halt_of(machine: Machine) -> Halt:
    """How this machine is to be halted: as was asked, else as its config says."""
    stop = machine.config.stop_config
    return Halt(
        machine.stop_signal or stop.signal, stop.timeout if machine.stop_timeout is None else machine.stop_timeout
    )


def _start(machine: Machine) -> tuple[Machine, tuple[Instruction, ...]]:
    _refuse_gone(machine, "started")
    if machine.state in (MachineState.STARTED, MachineState.STARTING):
        return replace(machine, wanted=MachineState.STARTED), ()
    if machine.state is MachineState.STOPPING:  # it ends first; what is wanted decides what follows
        return replace(machine, wanted=MachineState.STARTED), ()
    if machine.state not in _STARTABLE and machine.state is not MachineState.RESTARTING:
        raise Conflict(f"machine {machine.id} is {machine.state} and cannot be started")
    starting = replace(
        machine,
        state=MachineState.STARTING,
        wanted=MachineState.STARTED,
        restart_count=0,
        restart_at=None,
        problem="",
        resume=False,
        exit=replace(machine.exit, restarting=False) if machine.exit else None,
    )
    return starting, (Launch(),)


def _launched(machine: Machine, at: datetime) -> tuple[Machine, tuple[Instruction, ...]]:
    checks = begin_checks(machine.config.checks, at)
    started = replace(machine, state=MachineState.STARTED, started_at=at, problem="", checks=checks)
    if machine.wanted is not MachineState.STARTED:  # asked to stop while it was coming up
        return _stop(started, machine.stop_signal, machine.stop_timeout, wanted=machine.wanted)
    return started, ()


def _launch_failed(machine: Machine, reason: str, at: datetime) -> tuple[Machine, tuple[Instruction, ...]]:
    if machine.wanted is MachineState.DESTROYED:
        return replace(machine, state=MachineState.DESTROYING, problem=reason), (Erase(),)
    if machine.wanted is MachineState.STARTED and _restarts_by_itself(machine) and _may_retry(machine):
        due = at + timedelta(seconds=_backoff(machine.restart_count))
        again = replace(machine, restart_count=machine.restart_count + 1, restart_at=due, problem=reason)
        return replace(again, state=MachineState.RESTARTING, started_at=None), (RestartAt(due),)
    resting = MachineState.STOPPED if machine.wanted is MachineState.STOPPED else MachineState.FAILED
    return replace(machine, state=resting, problem=reason, started_at=None), ()


def _stop(
    machine: Machine, signal: str | None, timeout: float | None, *, wanted: MachineState = MachineState.STOPPED
) -> tuple[Machine, tuple[Instruction, ...]]:
    _refuse_gone(machine, "stopped")
    asked = replace(machine, wanted=wanted, stop_signal=signal, stop_timeout=timeout, resume=False)
    match machine.state:
        case MachineState.STARTED:
            return replace(asked, state=MachineState.STOPPING), (halt_of(asked),)
        case MachineState.STARTING:
            return asked, ()  # _launched sees what is wanted
        case MachineState.STOPPING:
            return asked, ()
        case MachineState.RESTARTING:
            return replace(asked, state=MachineState.STOPPED, restart_at=None), ()
        case _:
            return replace(asked, state=MachineState.STOPPED), ()


def _restart(machine: Machine, signal: str | None, timeout: float | None) -> tuple[Machine, tuple[Instruction, ...]]:
    if machine.state not in _RUNNING:
        return _start(machine)
    stopping, instructions = _stop(machine, signal, timeout)
    return replace(stopping, wanted=MachineState.STARTED, restart_count=0), instructions


def _ended(machine: Machine, exit: ExitStatus, with_host: bool) -> tuple[Machine, tuple[Instruction, ...]]:
    if machine.state in _GONE:
        return machine, ()
    requested = machine.state is MachineState.STOPPING
    ended = replace(
        machine, exit=replace(exit, requested=requested), started_at=None, stop_signal=None, stop_timeout=None
    )
    if machine.wanted is MachineState.DESTROYED:
        return replace(ended, state=MachineState.DESTROYING), (Erase(),)
    if requested and machine.wanted is MachineState.STARTED:  # a restart was asked for
        return _again(ended, delay=0.0, count=0)
    if requested:
        lone = machine.config.auto_destroy and not machine.resume  # a host that goes down takes nobody with it
        return _destroyed(ended) if lone else (replace(ended, state=MachineState.STOPPED), (TearDown(),))
    if with_host:  # it was to run, whatever its policy, and has not failed
        return _again(ended, delay=0.0, count=0)
    stable = machine.started_at is not None and exit.at - machine.started_at >= STABLE_AFTER
    count = 0 if stable else machine.restart_count
    if _policy_restarts(machine, exit, count):
        return _again(ended, delay=_backoff(count), count=count + 1)
    if machine.config.auto_destroy:
        return _destroyed(ended)
    return replace(ended, state=MachineState.STOPPED, wanted=MachineState.STOPPED), (TearDown(),)


def _destroyed(ended: Machine) -> tuple[Machine, tuple[Instruction, ...]]:
    return replace(ended, state=MachineState.DESTROYING, wanted=MachineState.DESTROYED), (Erase(),)


def _again(ended: Machine, *, delay: float, count: int) -> tuple[Machine, tuple[Instruction, ...]]:
    assert ended.exit is not None
    at = ended.exit.at + timedelta(seconds=delay)
    again = replace(
        ended,
        state=MachineState.RESTARTING,
        restart_count=count,
        restart_at=at,
        exit=replace(ended.exit, restarting=True),
    )
    return again, (TearDown(), RestartAt(at))


def _backoff(count: int) -> float:
    return _BACKOFF_SECONDS[min(count, len(_BACKOFF_SECONDS) - 1)]


def _restarts_by_itself(machine: Machine) -> bool:
    """Whether this start is one that nobody asked for, so that nobody waits to hear that it failed."""
    return machine.exit is not None and machine.exit.restarting and not machine.exit.requested


def _may_retry(machine: Machine) -> bool:
    restart = machine.config.restart
    if restart.policy is RestartPolicy.NO:
        return False
    return restart.policy is RestartPolicy.ALWAYS or machine.restart_count < (
        restart.max_retries or DEFAULT_MAX_RETRIES
    )


def _policy_restarts(machine: Machine, exit: ExitStatus, count: int) -> bool:
    restart = machine.config.restart
    match restart.policy:
        case RestartPolicy.ALWAYS:
            return True
        case RestartPolicy.ON_FAILURE:
            return exit.code != 0 and count < (restart.max_retries or DEFAULT_MAX_RETRIES)
        case RestartPolicy.NO:
            return False


def _destroy(machine: Machine, kill: bool) -> tuple[Machine, tuple[Instruction, ...]]:
    if machine.state in _GONE:
        return machine, ()
    if machine.state is MachineState.CREATING:
        raise Conflict(f"machine {machine.id} is still being created")
    if machine.state in _RUNNING or machine.state is MachineState.RESTARTING:
        if not kill:
            raise Conflict(
                f"machine {machine.id} is {machine.state}: stop it first, or destroy it with --force",
                hint=f"fly machine destroy {machine.id} --force",
            )
        if machine.state is MachineState.RESTARTING:
            return _erase(machine)
        killed = replace(machine, wanted=MachineState.DESTROYED, stop_signal="SIGKILL", stop_timeout=0.0)
        if machine.state is MachineState.STARTING:
            return killed, ()
        return replace(killed, state=MachineState.STOPPING), (Halt("SIGKILL", 0.0),)
    return _erase(machine)


def _erase(machine: Machine) -> tuple[Machine, tuple[Instruction, ...]]:
    gone = replace(machine, state=MachineState.DESTROYING, wanted=MachineState.DESTROYED, restart_at=None)
    return gone, (Erase(),)


def _refuse_gone(machine: Machine, verb: str) -> None:
    if machine.state in _GONE:
        raise Conflict(f"machine {machine.id} is {machine.state} and cannot be {verb}")
