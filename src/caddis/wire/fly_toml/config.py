"""fly.toml as values, and thereby its schema: schema.py reads the annotations.

Fields stand in the order in which flyctl writes them (facts: fly-toml 1). None, "" and empty tuples mean that the file
does not say. Sizes stay as the user wrote them, and are read by `sizes.py`. What is `Annotated` with a shape stays the
document that it is, and has that shape; what only passes through to machines is kept so.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any

from caddis.wire.fly_toml.findings import Fault
from caddis.wire.fly_toml.source import Source

Raw = Mapping[str, Any]
Seconds = Annotated[float, "duration"]  # written "1m30s"
Command = Annotated[tuple[str, ...], "command"]  # written as a list, or as one text that is split as a shell would
AutoStop = Annotated[str, ("off", "stop", "suspend")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Compose:
    """[build.compose]"""

    file: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class MachineCheck:
    """[[machine_checks]], at the top or of a service: a command in a machine of its own that tries another machine."""

    command: tuple[str, ...] = ()
    image: str = ""
    entrypoint: tuple[str, ...] = ()
    kill_signal: str = ""
    kill_timeout: Seconds | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsOptions:
    """tls_options of a port or of [http_service]."""

    alpn: tuple[str, ...] = ()
    versions: tuple[str, ...] = ()
    default_self_signed: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """http_options.response; a header's value is a text, a list of them, or false to remove it."""

    headers: Raw | None = None
    pristine: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayCache:
    """[[http_options.replay_cache]]"""

    path_prefix: str = ""
    ttl_seconds: int | None = None
    type: str = ""
    name: str = ""
    allow_bypass: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpOptions:
    """http_options of a port or of [http_service]. Timeouts in seconds."""

    compress: bool | None = None
    idle_timeout: int | None = None
    headers_read_timeout: int | None = None
    h2_backend: bool | None = None
    response: Response | None = None
    replay_cache: tuple[ReplayCache, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ProxyProtoOptions:
    """proxy_proto_options of a port."""

    version: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Port:
    """[[services.ports]]"""

    port: int | None = None
    start_port: int | None = None
    end_port: int | None = None
    handlers: tuple[str, ...] = ()
    force_https: bool | None = None
    tls_options: TlsOptions | None = None
    http_options: HttpOptions | None = None
    proxy_proto_options: ProxyProtoOptions | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Static:
    """[[statics]]: files that Fly's proxy serves."""

    guest_path: str = ""
    url_prefix: str = ""
    tigris_bucket: str = ""
    index_document: str = ""


Tls = Annotated[Raw, TlsOptions]
Http = Annotated[Raw, HttpOptions]
Ports = Annotated[tuple[Raw, ...], Port]
MachineChecks = Annotated[tuple[Raw, ...], MachineCheck]


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
    build_target: str = field(default="", metadata={"key": "build-target"})
    compose: Annotated[Raw, Compose] | None = None
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
    wait_timeout: Seconds | None = None
    release_command: str = ""
    release_command_timeout: Seconds | None = None
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
    """A health check, of a service or at the top level, where it may be a `command` inside the machine (ours)."""

    type: str = ""
    port: int | None = None
    interval: Seconds | None = None
    timeout: Seconds | None = None
    grace_period: Seconds | None = None
    method: str = ""
    path: str = ""
    protocol: str = ""
    tls_skip_verify: bool | None = None
    tls_server_name: str = ""
    headers: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    command: Command = ()
    processes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpService:
    """[http_service]: a service on ports 80 and 443."""

    internal_port: int | None = None
    force_https: bool | None = None
    auto_stop_machines: AutoStop = ""
    auto_start_machines: bool | None = None
    min_machines_running: int | None = None
    processes: tuple[str, ...] = ()
    concurrency: Concurrency | None = None
    tls_options: Tls | None = None
    http_options: Http | None = None
    checks: tuple[Check, ...] = ()
    machine_checks: MachineChecks = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """[[services]]"""

    protocol: str = ""
    internal_port: int | None = None
    auto_stop_machines: AutoStop = ""
    auto_start_machines: bool | None = None
    min_machines_running: int | None = None
    ports: Ports = ()
    concurrency: Concurrency | None = None
    tcp_checks: tuple[Check, ...] = ()
    http_checks: tuple[Check, ...] = ()
    machine_checks: MachineChecks = ()
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
    `source`, the text behind it, to name rows, and `faults`, the values of a wrong type, which count as absent."""

    app: str = ""
    primary_region: str = ""
    kill_signal: str = ""
    kill_timeout: Seconds | None = None
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
    machine_checks: MachineChecks = ()
    restart: tuple[RestartSection, ...] = ()
    vm: tuple[Vm, ...] = ()
    statics: Annotated[tuple[Raw, ...], Static] = ()
    metrics: tuple[Metrics, ...] = ()
    document: Raw = field(default_factory=dict, compare=False, repr=False)
    source: Source = field(default=Source(), compare=False, repr=False)
    faults: tuple[Fault, ...] = field(default=(), compare=False)
