"""A machine: what it was told to be (its config), and what it is (its state).

`raw_config` is the JSON document as the client gave it, kept whole so that fields we do not know survive; `config` is
what we understood of it. How a machine's life goes on is decided in `life.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from caddis.domain.check import Check, CheckState, unknown

DEFAULT_KILL_SIGNAL = "SIGINT"
DEFAULT_KILL_TIMEOUT = 5.0  # seconds (facts: fly-toml 2)
MAX_KILL_TIMEOUT = 300.0
DEFAULT_SCRATCH_GB = 1  # of the pool, for a root file system whose config says no size


class MachineState(StrEnum):
    """Spelled as Fly spells them (facts: machines-api 4.4)."""

    CREATING = "creating"
    CREATED = "created"
    STARTING = "starting"
    STARTED = "started"
    STOPPING = "stopping"
    STOPPED = "stopped"
    RESTARTING = "restarting"
    UPDATING = "updating"
    REPLACING = "replacing"
    SUSPENDED = "suspended"
    FAILED = "failed"
    DESTROYING = "destroying"
    DESTROYED = "destroyed"


SETTLED = frozenset(
    {
        MachineState.CREATED,
        MachineState.STARTED,
        MachineState.STOPPED,
        MachineState.SUSPENDED,
        MachineState.FAILED,
        MachineState.DESTROYED,
    }
)


class RestartPolicy(StrEnum):
    """When a machine whose process ended starts again."""

    NO = "no"
    ON_FAILURE = "on-failure"
    ALWAYS = "always"


@dataclass(frozen=True, slots=True, kw_only=True)
class Guest:
    """The size of a machine."""

    cpu_kind: str = "shared"
    cpus: int = 1
    memory_mb: int = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class Mount:
    """One volume at one absolute path. `name` is the volume's; the rest is for auto-extend."""

    volume: str
    path: str
    name: str = ""
    extend_threshold_percent: int = 0
    add_size_gb: int = 0
    size_gb_limit: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Init:
    """What to run: `exec` replaces the image's entrypoint and command; else each given part replaces the image's."""

    exec: tuple[str, ...] | None = None
    entrypoint: tuple[str, ...] | None = None
    cmd: tuple[str, ...] | None = None
    tty: bool = False
    user: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Restart:
    """`max_retries` counts restarts in a row after failures; 0 means the default of 10."""

    policy: RestartPolicy = RestartPolicy.ON_FAILURE
    max_retries: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class StopConfig:
    """How to end the process: the signal's name, then seconds until SIGKILL."""

    signal: str = DEFAULT_KILL_SIGNAL
    timeout: float = DEFAULT_KILL_TIMEOUT


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """A file that is there before the process starts. `secret` names the secret that holds its content."""

    guest_path: str
    content: bytes = b""
    mode: int = 0o644
    secret: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """A port that the outside may reach; only what the host needs to know of it."""

    protocol: str
    internal_port: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MachineConfig:
    """What we understood of a machine's config document."""

    image: str
    env: Mapping[str, str] = field(default_factory=dict)
    secret_env: Mapping[str, str] = field(default_factory=dict)  # variable: name of the app's secret
    ignores_app_secrets: bool = False  # it gets those alone
    init: Init = Init()
    guest: Guest = Guest()
    mounts: tuple[Mount, ...] = ()
    files: tuple[File, ...] = ()
    services: tuple[Service, ...] = ()
    checks: tuple[Check, ...] = ()  # those of its services too
    metadata: Mapping[str, str] = field(default_factory=dict)
    restart: Restart = Restart()
    stop_config: StopConfig = StopConfig()
    auto_destroy: bool = False
    hostname: str | None = None
    rootfs_size_gb: int = 0  # 0: the host's default
    schedule: str = ""  # hourly, daily, weekly or monthly; "" without one

    @property
    def process_group(self) -> str:
        """The process group, which lives in metadata (facts: cli-deploy-launch 1.3)."""
        return self.metadata.get("fly_process_group") or self.metadata.get("process_group") or "app"


@dataclass(frozen=True, slots=True, kw_only=True)
class ExitStatus:
    """How the main process ended. `code` is 128 + signal when a signal ended it; -1 when nobody saw it end."""

    code: int
    at: datetime
    signal: int = 0
    oom_killed: bool = False
    requested: bool = False  # someone asked for the stop
    restarting: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """What the host's book holds of a machine.

    `instance_id` names the version of its config and changes with every update; `launch` counts its starts, so that the
    names of everything made for one start are fixed before the start begins.
    """

    id: str
    app: str
    name: str
    region: str
    state: MachineState
    instance_id: str
    config: MachineConfig
    raw_config: Mapping[str, Any]
    created_at: datetime
    updated_at: datetime
    wanted: MachineState = MachineState.STARTED  # STARTED, STOPPED or DESTROYED
    image_digest: str = ""
    image_labels: Mapping[str, str] = field(default_factory=dict)
    address: str = ""  # IPv6, Fly's private_ip
    address_v4: str = ""
    launch: int = 0
    torn_down: int = 0  # the last launch of which nothing is left in the kernel
    scratch_gb: int = 1
    slot: int = 0  # which of the host's addresses
    restart_count: int = 0
    started_at: datetime | None = None
    restart_at: datetime | None = None
    exit: ExitStatus | None = None
    stop_signal: str | None = None  # set while a stop asked for another signal or timeout than stop_config
    stop_timeout: float | None = None
    problem: str = ""  # why the last start failed, in one sentence
    cordoned: bool = False
    secrets_version: int | None = (
        None  # the app's, when this version of the machine was made; none: made before secrets
    )
    sealed_secrets: str = ""  # what it gets of them, closed with the host's key (machines/sealing.py)
    resume: bool = False  # it was stopped because its host went down, and starts when that is back
    checks: tuple[CheckState, ...] = ()  # of its last launch

    @property
    def shown_checks(self) -> tuple[CheckState, ...]:
        """What is known of its checks: nothing, while it does not run."""
        if self.state is MachineState.STARTED:
            return self.checks
        return tuple(
            unknown(check.name, f"the machine is {self.state}", self.updated_at) for check in self.config.checks
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One line of a machine's history (facts: machines-api 4.6)."""

    id: str
    type: str  # launch, start, exit, update, stop, restart, destroy
    status: str
    source: str  # user or flyd
    at: datetime
    request: Mapping[str, Any] | None = None
