"""What a runtime is handed: everything about one launch, as plain values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from caddis.domain.io_limits import UNLIMITED, IoLimits


@dataclass(frozen=True, slots=True, kw_only=True)
class Bind:
    """A folder (or device) of the host that appears inside at `destination`."""

    source: str
    destination: str
    read_only: bool = False
    is_device: bool = False
    io_limits: IoLimits = UNLIMITED  # what the machine may do to the device below it


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretFile:
    """A file that appears inside, read-only, and is kept only where the environment is kept too."""

    destination: str
    content: bytes = field(repr=False)
    mode: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LaunchPlan:
    """One launch of one machine. Paths are the host's unless they say otherwise."""

    name: str  # the machine's id
    launch: int  # which start this is
    root: str  # the mounted overlay
    argv: tuple[str, ...]
    env: Mapping[str, str] = field(repr=False)
    workdir: str = "/"  # inside
    user: str = ""  # name, uid, name:group or uid:gid, looked up inside
    hostname: str
    netns: str
    binds: tuple[Bind, ...] = ()
    secret_files: tuple[SecretFile, ...] = ()
    memory_mb: int = 256
    cpus: int = 1
    shared_cpu: bool = True
    tty: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ExitReport:
    """How the main process ended; `code` is 128 + signal when a signal ended it."""

    code: int
    signal: int
    oom_killed: bool
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecResult:
    """What a program that ran inside said; `exit_signal` 0 unless a signal ended it."""

    exit_code: int
    exit_signal: int = 0
    stdout: bytes = b""
    stderr: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionPlan:
    """A program that someone sits at. No `argv` means a shell; `user` "" the main process's; `terminal` its size."""

    argv: tuple[str, ...] = ()
    user: str = ""
    term: str = ""
    terminal: tuple[int, int] | None = None  # rows and columns


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessInfo:
    """One process inside, with what it listens on ("tcp", "0.0.0.0:8080")."""

    pid: int
    command: str
    directory: str = "/"
    cpu: int = 0  # clock ticks
    rss: int = 0  # bytes
    started: int = 0  # clock ticks after boot
    listen: tuple[tuple[str, str], ...] = field(default_factory=tuple)
