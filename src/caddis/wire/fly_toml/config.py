"""fly.toml as values. Fields stand in the order in which flyctl writes them (facts: fly-toml 1).

None, "" and empty tuples mean that the file does not say. Durations are seconds. Sizes stay as the user wrote them,
and are read by `sizes.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from caddis.wire.fly_toml.locate import Source

Raw = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Experimental:
    """[experimental]"""

    cmd: tuple[str, ...] = ()
    entrypoint: tuple[str, ...] = ()
    exec: tuple[str, ...] = ()
    auto_rollback: bool | None = None
    enable_consul: bool | None = None
    enable_etcd: bool | None = None
    lazy_load_images: bool | None = None
    attached: Raw | None = None
    machine_config: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Build:
    """[build]: where the image comes from."""

    builder: str = ""
    buildpacks: tuple[str, ...] = ()
    args: Mapping[str, str] = field(default_factory=dict)
    image: str = ""
    settings: Raw | None = None
    builtin: str = ""
    dockerfile: str = ""
    ignorefile: str = ""
    build_target: str = ""  # spelled build-target
    compose: Raw | None = None
    compression: str = ""
    compression_level: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Vm:
    """[[vm]]: the size of machines; without `processes` of all groups."""

    size: str = ""
    memory: str = ""
    cpu_kind: str = ""
    cpus: int | None = None
    memory_mb: int | None = None
    max_memory_mb: int | None = None
    gpus: int | None = None
    gpu_kind: str = ""
    kernel_args: tuple[str, ...] = ()
    host_dedication_id: str = ""
    persist_rootfs: str = ""
    processes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Deploy:
    """[deploy]"""

    strategy: str = ""
    max_unavailable: float | None = None
    wait_timeout: float | None = None
    release_command: str = ""
    release_command_timeout: float | None = None
    release_command_vm: Vm | None = None
    release_command_volume: str = ""  # ours: "fork", or nothing
    seed_command: str = ""
    snapshot_before: bool | None = None  # ours: of volumes, before a release touches their machines


@dataclass(frozen=True, slots=True, kw_only=True)
class Mount:
    """[[mounts]]: a volume by name, and where it appears."""

    source: str = ""
    destination: str = ""
    initial_size: str = ""
    snapshot_retention: int | None = None
    scheduled_snapshots: bool | None = None
    auto_extend_size_threshold: int | None = None
    auto_extend_size_increment: str = ""
    auto_extend_size_limit: str = ""
    processes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Concurrency:
    """How many connections or requests at once."""

    type: str = ""
    soft_limit: int | None = None
    hard_limit: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """A health check, of a service or at the top level."""

    type: str = ""
    port: int | None = None
    interval: float | None = None
    timeout: float | None = None
    grace_period: float | None = None
    method: str = ""
    path: str = ""
    protocol: str = ""
    tls_skip_verify: bool | None = None
    tls_server_name: str = ""
    headers: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    processes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpService:
    """[http_service]: a service on ports 80 and 443."""

    internal_port: int | None = None
    force_https: bool | None = None
    auto_stop_machines: str = ""  # off, stop, suspend
    auto_start_machines: bool | None = None
    min_machines_running: int | None = None
    processes: tuple[str, ...] = ()
    concurrency: Concurrency | None = None
    tls_options: Raw | None = None
    http_options: Raw | None = None
    checks: tuple[Check, ...] = ()
    machine_checks: tuple[Raw, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """[[services]]"""

    protocol: str = ""
    internal_port: int | None = None
    auto_stop_machines: str = ""
    auto_start_machines: bool | None = None
    min_machines_running: int | None = None
    ports: tuple[Raw, ...] = ()
    concurrency: Concurrency | None = None
    tcp_checks: tuple[Check, ...] = ()
    http_checks: tuple[Check, ...] = ()
    machine_checks: tuple[Raw, ...] = ()
    processes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class FileSection:
    """[[files]]: one file, from exactly one of three places. `raw_value` is its text."""

    guest_path: str = ""
    local_path: str = ""
    secret_name: str = ""
    raw_value: str | None = None
    processes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RestartSection:
    """[[restart]]; `policy` is always, never or on-failure."""

    policy: str = ""
    retries: int | None = None
    processes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Metrics:
    """[[metrics]]"""

    port: int | None = None
    path: str = ""
    https: bool | None = None
    processes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class FlyToml:
    """The whole file. Not part of it, so never compared or written: `document`, which is what was parsed, unchanged,
    and `source`, the text behind it, to name rows."""

    app: str = ""
    primary_region: str = ""
    kill_signal: str = ""
    kill_timeout: float | None = None
    swap_size_mb: int | None = None
    console_command: str = ""
    experimental: Experimental | None = None
    build: Build | None = None
    deploy: Deploy | None = None
    env: Mapping[str, str] = field(default_factory=dict)
    processes: Mapping[str, str] = field(default_factory=dict)
    mounts: tuple[Mount, ...] = ()
    http_service: HttpService | None = None
    services: tuple[Service, ...] = ()
    checks: Mapping[str, Check] = field(default_factory=dict)
    files: tuple[FileSection, ...] = ()
    host_dedication_id: str = ""
    machine_config: str = ""
    container: str = ""
    machine_checks: tuple[Raw, ...] = ()
    restart: tuple[RestartSection, ...] = ()
    vm: tuple[Vm, ...] = ()
    statics: tuple[Raw, ...] = ()
    metrics: tuple[Metrics, ...] = ()
    document: Raw = field(default_factory=dict, compare=False, repr=False)
    source: Source = field(default=Source(), compare=False, repr=False)
