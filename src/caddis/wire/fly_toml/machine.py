"""A process group of a fly.toml as the config document of its machines (facts: fly-toml 5 to 17, machines-api 4.5)."""

from __future__ import annotations

import base64
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from caddis.domain.errors import Invalid
from caddis.wire.duration import format_duration
from caddis.wire.fly_toml.config import Check, Concurrency, FileSection, FlyToml, HttpService, Service
from caddis.wire.fly_toml.groups import guest_for, sections_for, services_for
from caddis.wire.machine_config import guest_to_wire

PLATFORM_VERSION = "v2"  # what marks a machine as managed by deploys
_POLICIES = {"never": "no", "on-failure": "on-failure", "always": "always"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployed:
    """What a deploy adds to the file: image, release, and the bytes of the local files that [[files]] names."""

    image: str
    release_id: str = ""
    release_version: int | None = None
    client_version: str = ""
    files: Mapping[str, bytes] | None = None


def to_machine_config(config: FlyToml, group: str, deployed: Deployed) -> dict[str, Any]:
    """The config document of a machine of `group`, without mounts: which volume it gets is the planner's business.

    `guest` is there only when [[vm]] says a size, and statics never: nothing here serves them, of which validate warns.
    Invalid where a command cannot be split or a check has no port.
    """
    document: dict[str, Any] = {
        "image": deployed.image,
        "env": _env(config, group),
        "init": _init(config, group),
        "metadata": _metadata(group, deployed),
    }
    guest = guest_for(config, group)
    if guest is not None:
        document["guest"] = guest_to_wire(guest)
    restart = sections_for(config, config.restart, group)
    if restart:
        policy = restart[-1].policy
        document["restart"] = {"policy": _POLICIES.get(policy, policy)}
        if restart[-1].retries is not None:
            document["restart"]["max_retries"] = restart[-1].retries
    optional = {
        "services": _services(config, group),
        "checks": _checks(config, group),
        "stop_config": _stop_config(config),
        "files": _files(config, group, deployed.files or {}),
        "metrics": _metrics(config, group),
    }
    return document | {key: value for key, value in optional.items() if value}


def split_command(command: str, *, what: str) -> list[str]:
    """The words of a command, as a shell would split it; Invalid, naming `what`, where quotes do not match."""
    try:
        return shlex.split(command)
    except ValueError as error:
        raise Invalid(f"{what} {command!r} cannot be split into words: {error}", field=what) from None


def _env(config: FlyToml, group: str) -> dict[str, str]:
    env = {**config.env, "FLY_PROCESS_GROUP": group}
    if config.primary_region:
        env["PRIMARY_REGION"] = config.primary_region
    return env


def _init(config: FlyToml, group: str) -> dict[str, Any]:
    init: dict[str, Any] = {}
    command = config.processes.get(group, "")
    if command:
        init["cmd"] = split_command(command, what=f"processes.{group}")
    experimental = config.experimental
    if experimental is not None:
        if experimental.cmd and not command:
            init["cmd"] = list(experimental.cmd)
        if experimental.entrypoint:
            init["entrypoint"] = list(experimental.entrypoint)
        if experimental.exec:
            init["exec"] = list(experimental.exec)
    if config.swap_size_mb is not None:
        init["swap_size_mb"] = config.swap_size_mb
    return init


def _metadata(group: str, deployed: Deployed) -> dict[str, str]:
    metadata = {"fly_platform_version": PLATFORM_VERSION, "fly_process_group": group}
    if deployed.release_id:
        metadata["fly_release_id"] = deployed.release_id
    if deployed.release_version is not None:
        metadata["fly_release_version"] = str(deployed.release_version)
    if deployed.client_version:
        metadata["fly_flyctl_version"] = deployed.client_version
    return metadata


def _stop_config(config: FlyToml) -> dict[str, str]:
    stop = {}
    if config.kill_timeout is not None:
        stop["timeout"] = format_duration(config.kill_timeout)
    if config.kill_signal:
        stop["signal"] = config.kill_signal
    return stop


def _services(config: FlyToml, group: str) -> list[dict[str, Any]]:
    services = []
    if config.http_service is not None and sections_for(config, (config.http_service,), group):
        services.append(_http_service(config.http_service))
    return services + [_service(service) for service in services_for(config, group)]


def _common(service: HttpService | Service) -> dict[str, Any]:
    document: dict[str, Any] = {"internal_port": service.internal_port}
    if service.auto_stop_machines:
        document["autostop"] = service.auto_stop_machines
    if service.auto_start_machines is not None:
        document["autostart"] = service.auto_start_machines
    if service.min_machines_running is not None:
        document["min_machines_running"] = service.min_machines_running
    if service.concurrency is not None:
        document["concurrency"] = _concurrency(service.concurrency)
    return document


def _concurrency(concurrency: Concurrency) -> dict[str, Any]:
    limits = {"soft_limit": concurrency.soft_limit, "hard_limit": concurrency.hard_limit}
    known = {key: value for key, value in limits.items() if value is not None}
    return {"type": concurrency.type or "connections", **known}


def _http_service(service: HttpService) -> dict[str, Any]:
    http: dict[str, Any] = {"port": 80, "handlers": ["http"]}
    if service.force_https:
        http["force_https"] = True
    https: dict[str, Any] = {"port": 443, "handlers": ["http", "tls"]}
    if service.http_options is not None:
        http["http_options"] = https["http_options"] = dict(service.http_options)
    if service.tls_options is not None:
        https["tls_options"] = dict(service.tls_options)
    document = {"protocol": "tcp", "ports": [http, https], **_common(service)}
    if service.checks:
        document["checks"] = [_check(check, "http") for check in service.checks]
    return document


def _service(service: Service) -> dict[str, Any]:
    document = {"protocol": service.protocol or "tcp", "ports": [dict(port) for port in service.ports]}
    document |= _common(service)
    checks = [_check(check, "tcp") for check in service.tcp_checks]
    checks += [_check(check, "http") for check in service.http_checks]
    return document | ({"checks": checks} if checks else {})


def _checks(config: FlyToml, group: str) -> dict[str, Any]:
    checks = {}
    for name, check in config.checks.items():
        if not sections_for(config, (check,), group):
            continue
        if check.type == "script":
            checks[name] = {**_check(check, check.type), "command": list(check.command)}
            continue
        port = check.port or (config.http_service.internal_port if config.http_service else None)
        if port is None:
            raise Invalid(f"checks.{name}.port is missing: give the port to check", field=f"checks.{name}.port")
        checks[name] = {**_check(check, check.type), "port": port}
    return checks


def _check(check: Check, kind: str) -> dict[str, Any]:
    document: dict[str, Any] = {"type": kind}
    if check.port is not None and kind != "script":
        document["port"] = check.port
    for key in ("interval", "timeout", "grace_period"):
        seconds: float | None = getattr(check, key)
        if seconds is not None:
            document[key] = format_duration(seconds)
    if kind != "http":
        return document
    texts = {
        "method": check.method.upper(),
        "path": check.path,
        "protocol": check.protocol,
        "tls_server_name": check.tls_server_name,
    }
    document |= {key: text for key, text in texts.items() if text}
    if check.tls_skip_verify is not None:
        document["tls_skip_verify"] = check.tls_skip_verify
    if check.headers:
        document["headers"] = [{"name": name, "values": list(values)} for name, values in check.headers.items()]
    return document


def _files(config: FlyToml, group: str, contents: Mapping[str, bytes]) -> list[dict[str, Any]]:
    """Files without `processes` go to every group, as flyctl does."""
    return [_file(file, contents) for file in config.files if not file.processes or group in file.processes]


def _file(file: FileSection, contents: Mapping[str, bytes]) -> dict[str, Any]:
    if file.secret_name:
        return {"guest_path": file.guest_path, "secret_name": file.secret_name}
    content = contents.get(file.local_path) if file.local_path else (file.raw_value or "").encode()
    if content is None:
        raise Invalid(f"could not read file {file.local_path}, which [[files]] names", field="files.local_path")
    return {"guest_path": file.guest_path, "raw_value": base64.b64encode(content).decode()}


def _metrics(config: FlyToml, group: str) -> dict[str, Any]:
    found = sections_for(config, config.metrics, group)
    if not found:
        return {}
    known = {"port": found[0].port, "path": found[0].path or None, "https": found[0].https}
    return {key: value for key, value in known.items() if value is not None}
