"""A runtime in memory: the crash matrix runs thousands of launches over it. Answers to the contract of the real one.

Its processes do what a test says: they run until `end`, and a signal ends them unless they are `stubborn`.
"""

from __future__ import annotations

import itertools
import signal as signals
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from caddis.domain.errors import Conflict, Invalid, Problem
from caddis.domain.io_limits import IoLimits
from caddis.machines.plan import ExecResult, ExitReport, LaunchPlan, ProcessInfo

_FIRST_PID = 5_000_000  # above the kernel's largest pid, so that nothing real is ever watched or killed by mistake
_THE_TIME = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass
class _Record:
    plan: LaunchPlan
    pid: int
    exit: ExitReport | None = None
    is_watched: bool = True  # False once the one who would have seen its end was killed


class FakeRuntime:
    """The `Runtime` protocol of agent/world.py. All of it survives the death of the agent, as the real one does."""

    def __init__(self, logs_dir: str = "/logs", *, now: Callable[[], datetime] = lambda: _THE_TIME) -> None:
        self._logs_dir, self._now = logs_dir, now
        self._records: dict[str, _Record] = {}
        self._logs: set[str] = set()
        self._pids = itertools.count(_FIRST_PID)
        self._lock = threading.RLock()
        self.launches: list[tuple[str, int]] = []  # (name, launch) of every process that was really started
        self.signals: list[tuple[str, int]] = []
        self.stubborn: set[str] = set()  # names whose process ignores every signal but SIGKILL
        self.absent_commands: set[str] = set()  # argv[0] that no image has
        self.next_launch_fails: Problem | None = None
        self.answer: Callable[[str, Sequence[str], bytes], ExecResult] = lambda _name, _argv, _stdin: ExecResult(
            exit_code=0
        )
        self.on_end: Callable[[str], None] = lambda _name: None  # called after a process has ended

    # What a test does

    def end(self, name: str, code: int = 0, *, signal: int = 0, oom_killed: bool = False) -> None:
        """Let the machine's process end by itself."""
        with self._lock:
            record = self._records[name]
            if record.exit is not None or not record.is_watched:
                return
            code = 128 + signal if signal else code
            record.exit = ExitReport(code=code, signal=signal, oom_killed=oom_killed, at=self._now())
        self.on_end(name)

    def end_unseen(self, name: str) -> None:
        """Let it end without anybody who writes down how (the power went, or conmon was killed)."""
        with self._lock:
            self._records[name].is_watched = False
        self.on_end(name)

    def is_running(self, name: str) -> bool:
        """Whether the machine's process runs."""
        return self.find_watched_pid(name) is not None

    def plan_of(self, name: str) -> LaunchPlan:
        """What the latest launch was told."""
        return self._records[name].plan

    def leftovers(self) -> list[str]:
        """Everything it still holds, logs too."""
        with self._lock:
            return [f"container {name}" for name in sorted(self._records)] + [
                f"log {name}" for name in sorted(self._logs)
            ]

    # The protocol

    def launch(self, plan: LaunchPlan) -> int:
        """As the real one: one launch runs once, an older launch is deleted first."""
        with self._lock:
            record = self._records.get(plan.name)
            if record is not None and record.plan.launch == plan.launch and (record.is_watched or record.exit):
                return record.pid
            self.delete(plan.name)
            self._refuse_bad(plan)
            record = _Record(plan, next(self._pids))
            self._records[plan.name] = record
            self._logs.add(plan.name)
            self.launches.append((plan.name, plan.launch))
            return record.pid

    def find_watched_pid(self, name: str) -> int | None:
        """The fake pid while the process runs."""
        with self._lock:
            record = self._records.get(name)
            if record is None or record.exit is not None or not record.is_watched:
                return None
            return record.pid

    def read_exit(self, name: str) -> ExitReport | None:
        """What `end` wrote down."""
        record = self._records.get(name)
        return record.exit if record else None

    def signal(self, name: str, signal: int) -> None:
        """Ends the process unless it is stubborn."""
        if not self.is_running(name):
            return
        self.signals.append((name, signal))
        if signal == signals.SIGKILL or name not in self.stubborn:
            self.end(name, signal=signal)

    def kill_all(self, name: str) -> None:
        """Ends the process with SIGKILL."""
        if name in self._records:
            self.end(name, signal=signals.SIGKILL)

    def delete(self, name: str) -> None:
        """Forgets the machine; its log stays."""
        with self._lock:
            if self.is_running(name):
                self.kill_all(name)
            self._records.pop(name, None)

    def execute(
        self, name: str, argv: Sequence[str], *, stdin: bytes, timeout: float, env: Mapping[str, str]
    ) -> ExecResult:
        """What `answer` says."""
        if not self.is_running(name):
            raise Conflict(f"machine {name} is not running")
        return self.answer(name, argv, stdin)

    def list_processes(self, name: str) -> list[ProcessInfo]:
        """The main process alone."""
        if not self.is_running(name):
            return []
        return [ProcessInfo(pid=1, command=" ".join(self.plan_of(name).argv))]

    def list_names(self) -> list[str]:
        """Every machine that was launched and not deleted."""
        return sorted(self._records)

    def limit_io(self, name: str, destination: str, limits: IoLimits) -> None:
        """Written into the plan."""
        if self.is_running(name):
            plan = self._records[name].plan
            binds = [replace(one, io_limits=limits) if one.destination == destination else one for one in plan.binds]
            self._records[name].plan = replace(plan, binds=tuple(binds))

    def log_path(self, name: str) -> str:
        """A path; nothing is written there."""
        return f"{self._logs_dir}/{name}.log"

    def forget_log(self, name: str) -> None:
        """Forgets that there was a log."""
        self._logs.discard(name)

    def _refuse_bad(self, plan: LaunchPlan) -> None:
        problem, self.next_launch_fails = self.next_launch_fails, None
        if problem is not None:
            raise problem
        if plan.argv[0] in self.absent_commands:
            raise Invalid(f"{plan.argv[0]}: executable not found in the image", field="config.init")
