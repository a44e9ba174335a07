"""Machines as containers: runc makes them, conmon holds them, and neither needs us once they run (promise P6).

All that is known about a machine lies in run_dir/containers/<name>: the bundle, conmon's and runc's files, and last,
once its process has been told to go, `launched`. A folder without it was left by an agent that died half-way, and is
made again.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from signal import SIGKILL, SIGTTOU

from caddis.domain.errors import Problem
from caddis.domain.io_limits import UNLIMITED, IoLimits
from caddis.kernel import cgroup, conmon, process, runc
from caddis.machines import logs
from caddis.machines.execution import Inside
from caddis.machines.lookup import check_program, look_up_account
from caddis.machines.plan import Bind, ExitReport, LaunchPlan, ProcessInfo
from caddis.machines.processes import observe_processes
from caddis.machines.runtimes.guests import Guests
from caddis.machines.spec import INIT_PATH, Surroundings, runtime_spec
from caddis.telemetry.seam import seam

INIT = "/usr/bin/tini-static"  # package tini
PIDS_LIMIT = 4096
LOG_BYTES = 5 << 20
_MAX_SIGNAL = 64
_PATIENCE = 2.0  # seconds for conmon to end after its container, and for init to listen after its start
_POLL_SECONDS = 0.001


class RuncRuntime(Guests):
    """The Runtime protocol of agent/world.py, for one host. `run_dir` must be short: sockets' paths have 107 bytes."""

    def __init__(
        self,
        run_dir: str | Path,
        logs_dir: str | Path,
        cgroup_parent: str,
        *,
        pids_limit: int = PIDS_LIMIT,
        log_bytes: int = LOG_BYTES,
    ) -> None:
        super().__init__()
        self._containers, self._logs = Path(run_dir) / "containers", Path(logs_dir)
        self._parent, self._pids_limit, self._log_bytes = cgroup_parent.strip("/"), pids_limit, log_bytes
        self._lock, self._launching = threading.Lock(), 0

    def launch(self, plan: LaunchPlan) -> int:
        """Ensure the process of this launch runs; the pid to watch (it ends when the machine has ended).

        One launch runs once: if it has ended already, the pid is that of the past, and `find_watched_pid` and
        `read_exit` tell. Invalid when the image has no such user or program.
        """
        files = self._files(plan.name)
        launched = self._read_launched(plan.name)
        if launched is not None and launched["launch"] == plan.launch:
            return int(launched["pid"])
        self.delete(plan.name)
        with self._keeping_parent(), ExitStack() as undo:
            undo.callback(self.delete, plan.name)
            self._write_bundle(plan, files)
            seam("runc.launch:written")
            pid = self._run(plan, files)
            undo.pop_all()
        return pid

    def find_watched_pid(self, name: str) -> int | None:
        """The pid of the conmon that holds it; None when it is not running (or nobody holds it any more)."""
        launched = self._read_launched(name)
        if launched is None or not process.is_running(launched["pid"], launched["started"]):
            return None
        return int(launched["pid"])

    def read_exit(self, name: str) -> ExitReport | None:
        """How it ended; None while it runs or when nobody saw it."""
        files = self._files(name)
        ended = conmon.find_exit(files, name)
        if ended is None:
            return None
        code, at = ended
        signal = code - 128 if 128 < code <= 128 + _MAX_SIGNAL else 0
        oom = code != 0 and (conmon.saw_oom(files) or cgroup.count_oom_kills(self._cgroup(name)) > 0)
        return ExitReport(code=code, signal=signal, oom_killed=oom, at=datetime.fromtimestamp(at, UTC))

    def signal(self, name: str, signal: int) -> None:
        """Send to the machine's main process (its init hands it on); silent when that is gone."""
        init = conmon.find_init(self._files(name))
        if init is None:
            return
        with process.hold(init) as pidfd:  # held first and judged then, so that it cannot be another one's by now
            if pidfd is not None and init in cgroup.list_pids(self._cgroup(name)):
                _await_init(init)
                process.send(pidfd, signal)

    def kill_all(self, name: str) -> None:
        """SIGKILL to every process of the machine."""
        cgroup.kill(self._cgroup(name))

    def delete(self, name: str) -> None:
        """Ensure that no process, cgroup, container record or bundle of it is left. Its log stays."""
        with self._refusing_guests(name):
            self._delete(name)

    def _delete(self, name: str) -> None:
        files = self._files(name)
        if os.path.isdir(files.folder) and self._read_launched(name) is None:
            _end_makers(files)
        cgroup.kill(self._cgroup(name))
        self._await_no_guests(name, _PATIENCE)  # runc's own part of one outlives its program by some moments
        cgroup.kill(self._cgroup(name))
        _end_conmon(files)
        logs.finish(self.log_path(name))
        cgroup.remove(self._cgroup(name))
        with self._lock:
            if not self._launching:
                cgroup.remove_if_empty(self._parent)
        if os.path.isdir(files.folder):
            shutil.rmtree(files.folder)

    def list_processes(self, name: str) -> list[ProcessInfo]:
        """What runs inside, with pids as seen inside."""
        return observe_processes(cgroup.list_pids(self._cgroup(name)))

    def list_names(self) -> list[str]:
        """Every machine of which there is a folder, whatever its state."""
        try:
            return sorted(os.listdir(self._containers))
        except FileNotFoundError:
            return []

    def limit_io(self, name: str, destination: str, limits: IoLimits) -> None:
        """Change what it may do to the bind at `destination` from now on; silent when it does not run."""
        if self.find_watched_pid(name) is None:
            return
        try:
            devices = json.loads(Path(self._files(name).folder, "devices.json").read_text())
        except FileNotFoundError:
            return  # it was launched by an older program: its next start will do
        self._limit(name, devices[destination], limits)

    def _limit(self, name: str, device: Sequence[int], limits: IoLimits) -> None:
        major, minor = device
        cgroup.limit_io(self._cgroup(name), (major, minor), iops=limits.iops or 0, bandwidth=limits.bandwidth or 0)

    def log_path(self, name: str) -> str:
        """Where its output is kept; machines/logs.py reads it."""
        return str(self._logs / f"{name}.log")

    def forget_log(self, name: str) -> None:
        """Ensure that its log is gone."""
        logs.forget(self.log_path(name))

    def _inside(self, name: str) -> Inside:
        return Inside(self._files(name), name, self._cgroup(name))

    def _files(self, name: str) -> conmon.Files:
        return conmon.Files(str(self._containers / name))

    def _cgroup(self, name: str) -> str:
        return f"{self._parent}/{name}"

    @contextmanager
    def _keeping_parent(self) -> Iterator[None]:
        """runc makes the parent group and then the machine's in it; nobody may tidy the parent away in between."""
        with self._lock:
            self._launching += 1
        try:
            yield
        finally:
            with self._lock:
                self._launching -= 1

    def _write_bundle(self, plan: LaunchPlan, files: conmon.Files) -> None:
        if not os.path.isdir(plan.root):
            raise Problem(f"the root file system of machine {plan.name} is gone: its host went down during the start")
        account = look_up_account(plan.root, plan.user)
        check_program(plan)
        host = Surroundings(
            init=INIT,
            cgroup=self._cgroup(plan.name),
            pids_limit=self._pids_limit,
            architecture=platform.machine(),
            devices={bind.source: _device_numbers(bind.source) for bind in plan.binds if bind.is_device},
        )
        self._logs.mkdir(parents=True, exist_ok=True)
        self._containers.mkdir(parents=True, exist_ok=True)
        os.mkdir(files.folder, 0o700)  # the bundle holds the environment, and so the app's secrets
        os.makedirs(files.exits)
        os.mkdir(files.runc_root, 0o700)
        spec = runtime_spec(replace(plan, binds=(*plan.binds, *_write_secrets(plan, files))), account, host)
        Path(files.folder, "config.json").write_text(json.dumps(spec))
        devices = {bind.destination: _device_below(bind) for bind in plan.binds}
        Path(files.folder, "devices.json").write_text(json.dumps(devices))

    def _run(self, plan: LaunchPlan, files: conmon.Files) -> int:
        log = self.log_path(plan.name)
        wanted = conmon.create(files, plan.name, log=log, log_bytes=self._log_bytes, terminal=plan.tty)
        init = conmon.run_create(wanted)
        seam("runc.launch:created")
        logs.tend(log)
        holder = conmon.find_pid(files)
        stat = process.find_stat(holder) if holder is not None else None
        if holder is None or stat is None:
            raise Problem(f"conmon of machine {plan.name} ended before the machine was started")
        for bind in plan.binds:  # its group is there by now, and nothing of it has run
            if bind.io_limits != UNLIMITED:
                self._limit(plan.name, _device_below(bind), bind.io_limits)
        runc.start(files.runc_root, plan.name, init)
        seam("runc.launch:started")
        launched = {"launch": plan.launch, "pid": holder, "started": stat.started}
        passing = Path(files.folder, "launched.new")
        passing.write_text(json.dumps(launched))
        passing.rename(Path(files.folder, "launched"))
        return holder

    def _read_launched(self, name: str) -> dict[str, int] | None:
        try:
            text = (self._containers / name / "launched").read_text()
        except (FileNotFoundError, NotADirectoryError):
            return None
        return {key: int(value) for key, value in json.loads(text).items()}


def _await_init(pid: int) -> None:
    """A process that is number 1 loses every signal that comes before it listens; our init does after a millisecond.

    tini first holds back the signals that it will wait for, and then ignores those of terminals: that can be seen.
    """
    until = time.monotonic() + _PATIENCE
    while process.read_arguments(pid)[:1] != [INIT_PATH] or SIGTTOU not in process.list_ignored(pid):
        if process.find_stat(pid) is None or time.monotonic() > until:
            return
        time.sleep(_POLL_SECONDS)


def _end_makers(files: conmon.Files) -> None:
    """Kill the conmon and runc that an agent started and did not live to see finish."""
    while pids := process.list_with_argument(files.folder):
        for pid in pids:
            with process.hold(pid) as pidfd:
                if pidfd is not None and files.folder in process.read_arguments(pid):
                    process.send(pidfd, SIGKILL)
                    process.wait_end(pidfd, _PATIENCE)


def _end_conmon(files: conmon.Files) -> None:
    """conmon ends by itself once its container has; it is given a moment to write down how."""
    pid = conmon.find_pid(files)
    if pid is None:
        return
    with process.hold(pid) as pidfd:
        if pidfd is None or process.wait_end(pidfd, _PATIENCE) or conmon.find_pid(files) != pid:
            return
        process.send(pidfd, SIGKILL)
        process.wait_end(pidfd, _PATIENCE)


def _device_numbers(path: str) -> tuple[int, int]:
    number = os.stat(path).st_rdev
    return os.major(number), os.minor(number)


def _device_below(bind: Bind) -> tuple[int, int]:
    """The device of a raw volume, or the one that is mounted: where a machine's I/O is counted and held back."""
    if bind.is_device:
        return _device_numbers(bind.source)
    number = os.stat(bind.source).st_dev
    return os.major(number), os.minor(number)


def _write_secrets(plan: LaunchPlan, files: conmon.Files) -> list[Bind]:
    """Beside the bundle, and bound into the root from there: so they go with it and are on no disk of ours."""
    binds = []
    for position, file in enumerate(plan.secret_files):
        path = Path(files.folder, f"secret-{position}")
        path.write_bytes(file.content)
        path.chmod(file.mode)
        binds.append(Bind(source=str(path), destination=file.destination, read_only=True))
    return binds
