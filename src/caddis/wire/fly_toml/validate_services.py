"""The rules of [http_service], [[services]] and [checks] (facts: fly-toml 8 to 10, 19)."""

from __future__ import annotations

from caddis.wire.duration import format_duration
from caddis.wire.fly_toml.config import Check, FlyToml, HttpService, Service
from caddis.wire.fly_toml.findings import Report
from caddis.wire.fly_toml.groups import group_names

_PROTOCOLS = ("tcp", "udp")
_SHORTEST_CHECK, _LONGEST_CHECK = 1.0, 60.0  # seconds
_SHORTEST_TOP_INTERVAL = 2.0


def check_services(config: FlyToml, report: Report) -> None:
    """Report what is wrong with each service."""
    if config.http_service is not None:
        _check_common(config, config.http_service, "http_service", report)
        for position, check in enumerate(config.http_service.checks):
            _check_times(check, f"http_service.checks[{position}]", report)
    for position, service in enumerate(config.services):
        path = f"services[{position}]"
        _check_common(config, service, path, report)
        if service.protocol and service.protocol not in _PROTOCOLS:
            report("error", f"{path}.protocol", f"{path}.protocol is {service.protocol!r}: use tcp or udp")
        if not service.ports:
            report("warning", path, f"{path} has no ports: nothing outside can reach it. Add a [[services.ports]]")
        for name, checks in (("tcp_checks", service.tcp_checks), ("http_checks", service.http_checks)):
            for number, check in enumerate(checks):
                _check_times(check, f"{path}.{name}[{number}]", report)


def _check_common(config: FlyToml, service: HttpService | Service, path: str, report: Report) -> None:
    port = service.internal_port
    if port is None:
        report("error", path, f"{path}.internal_port is missing: give the port that the program listens on")
    elif not 1 <= port <= 65535:
        report("error", f"{path}.internal_port", f"{path}.internal_port is {port}: it must be from 1 to 65535")
    if config.processes and not service.processes:
        report(
            "error",
            path,
            f"{path} has no processes, but the app defines {len(config.processes)} process groups:"
            f' say which it is for, like processes = ["{group_names(config)[0]}"]',
        )
    for group in service.processes:
        if group not in group_names(config):
            known = ", ".join(group_names(config))
            report("error", f"{path}.processes", f"{path}.processes names {group!r}, but the groups are {known}")


def _check_times(check: Check, path: str, report: Report) -> None:
    """Fly raises or lowers what is out of range, so these are warnings."""
    for key in ("interval", "timeout", "grace_period"):
        seconds: float | None = getattr(check, key)
        if seconds is None or (key == "grace_period" and seconds == 0):
            continue
        if seconds < _SHORTEST_CHECK:
            report("warning", f"{path}.{key}", f"{path}.{key} is less than 1 second: 1 second will be used")
        elif seconds > _LONGEST_CHECK:
            report("warning", f"{path}.{key}", f"{path}.{key} is more than 1 minute: 1 minute will be used")


def check_checks(config: FlyToml, report: Report) -> None:
    """Report what is wrong with each check of [checks]."""
    for name, check in config.checks.items():
        path = f"checks.{name}"
        if check.type not in ("http", "tcp"):
            report("error", f"{path}.type", f"{path}: Missing or invalid check type, must be 'http' or 'tcp'")
        if check.port is None and config.http_service is None:
            report("error", path, f"{path}.port is missing: give the port to check")
        elif check.port is not None and not 1 <= check.port <= 65535:
            report("error", f"{path}.port", f"{path}.port is {check.port}: it must be from 1 to 65535")
        if check.interval is not None and check.interval < _SHORTEST_TOP_INTERVAL:
            told = format_duration(check.interval)
            report("error", f"{path}.interval", f"{path}.interval is {told}: it must be at least 2s")
        if check.timeout is not None and check.timeout > _LONGEST_CHECK:
            told = format_duration(check.timeout)
            report("error", f"{path}.timeout", f"{path}.timeout is {told}: it must be at most 60s")
