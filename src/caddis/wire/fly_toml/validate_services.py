"""The rules of [http_service], [[services]] and [checks] (facts: fly-toml 8 to 10, 19)."""

from __future__ import annotations

from collections.abc import Sequence

from caddis.wire.duration import format_duration
from caddis.wire.fly_toml.config import Check, FlyToml, HttpService, Raw, Service
from caddis.wire.fly_toml.findings import Report
from caddis.wire.fly_toml.groups import group_names

_PROTOCOLS = ("tcp", "udp")
_HANDLERS = ("http", "tls", "pg_tls", "proxy_proto", "edge_http")
_TYPES = ("http", "tcp", "script")
_OF_REACH = ("port", "method", "path", "protocol", "tls_skip_verify", "tls_server_name", "headers")
_SHORTEST_CHECK, _LONGEST_CHECK = 1.0, 60.0  # seconds
_SHORTEST_TOP_INTERVAL = 2.0


def check_services(config: FlyToml, report: Report) -> None:
    """Report what is wrong with each service."""
    if config.http_service is not None:
        _check_common(config, config.http_service, "http_service", report)
        _check_service_checks(config.http_service.checks, "http_service.checks", report)
    for position, service in enumerate(config.services):
        path = f"services[{position}]"
        _check_common(config, service, path, report)
        if service.protocol and service.protocol not in _PROTOCOLS:
            report("error", f"{path}.protocol", f"{path}.protocol is {service.protocol!r}: use tcp or udp")
        _check_ports(service, path, report)
        if not service.ports:
            report(
                "warning",
                f"{path}.ports",
                f"{path} has no ports: nothing outside can reach it. Add a [[services.ports]]",
            )
        for name, checks in (("tcp_checks", service.tcp_checks), ("http_checks", service.http_checks)):
            _check_service_checks(checks, f"{path}.{name}", report)


def _check_common(config: FlyToml, service: HttpService | Service, path: str, report: Report) -> None:
    port = service.internal_port
    if port is None:
        report(
            "error",
            f"{path}.internal_port",
            f"{path}.internal_port is missing: give the port that the program listens on",
        )
    elif not 1 <= port <= 65535:
        report("error", f"{path}.internal_port", f"{path}.internal_port is {port}: it must be from 1 to 65535")
    if config.processes and not service.processes:
        report(
            "error",
            f"{path}.processes",
            f"{path} has no processes, but the app defines {len(config.processes)} process groups:"
            f' say which it is for, like processes = ["{group_names(config)[0]}"]',
        )
    if service.min_machines_running is not None and service.min_machines_running < 0:
        report("error", f"{path}.min_machines_running", f"{path}.min_machines_running must not be negative")
    _check_concurrency(service, path, report)
    check_machine_checks(service.machine_checks, f"{path}.machine_checks", report)
    for group in service.processes:
        if group not in group_names(config):
            known = ", ".join(group_names(config))
            report("error", f"{path}.processes", f"{path}.processes names {group!r}, but the groups are {known}")


def _check_service_checks(checks: Sequence[Check], path: str, report: Report) -> None:
    for position, check in enumerate(checks):
        here = f"{path}[{position}]"
        _check_times(check, here, report)
        _check_http(check, here, report)
        if check.command:
            report("error", f"{here}.command", f"{here}.command is for [checks.NAME] of type 'script'")


def _check_times(check: Check, path: str, report: Report) -> None:
    """Fly raises or lowers what is out of range, so these are warnings."""
    for key in ("interval", "timeout", "grace_period"):
        seconds: float | None = getattr(check, key)
        if seconds is None or (key == "grace_period" and seconds == 0):
            continue
        if seconds < 0:
            report("error", f"{path}.{key}", f"{path}.{key} must not be negative")
        elif seconds < _SHORTEST_CHECK:
            report("warning", f"{path}.{key}", f"{path}.{key} is less than 1 second: 1 second will be used")
        elif seconds > _LONGEST_CHECK:
            report("warning", f"{path}.{key}", f"{path}.{key} is more than 1 minute: 1 minute will be used")


def check_checks(config: FlyToml, report: Report) -> None:
    """Report what is wrong with each check of [checks]."""
    for name, check in config.checks.items():
        path = f"checks.{name}"
        if check.type not in _TYPES:
            told = "Missing or invalid check type, must be 'http' or 'tcp', or 'script' for a command in the machine"
            report("error", f"{path}.type", f"{path}: {told}")
        if check.type == "script":
            _check_script(check, path, report)
        else:
            _check_reach(config, check, path, report)
        if check.interval is not None and check.interval < _SHORTEST_TOP_INTERVAL:
            told = format_duration(check.interval)
            report("error", f"{path}.interval", f"{path}.interval is {told}: it must be at least 2s")
        if check.timeout is not None and check.timeout > _LONGEST_CHECK:
            told = format_duration(check.timeout)
            report("error", f"{path}.timeout", f"{path}.timeout is {told}: it must be at most 60s")
        for key, least in (("timeout", "more than 0s"), ("grace_period", "0s or more")):
            seconds: float | None = getattr(check, key)
            if seconds is not None and (seconds < 0 or (seconds == 0 and key == "timeout")):
                report("error", f"{path}.{key}", f"{path}.{key} is {format_duration(seconds)}: it must be {least}")


def _check_script(check: Check, path: str, report: Report) -> None:
    if not check.command:
        report("error", f"{path}.command", f"{path}.command is missing: give what is run in the machine")
    for key in _OF_REACH:
        if getattr(check, key) not in (None, "", {}):
            report("error", f"{path}.{key}", f"{path}.{key} means nothing for a script: it has a command")


def _check_reach(config: FlyToml, check: Check, path: str, report: Report) -> None:
    if check.command:
        report("error", f"{path}.command", f"{path}.command is for checks of type 'script'")
    if check.port is None and config.http_service is None:
        report("error", f"{path}.port", f"{path}.port is missing: give the port to check")
    elif check.port is not None and not 1 <= check.port <= 65535:
        report("error", f"{path}.port", f"{path}.port is {check.port}: it must be from 1 to 65535")
    _check_http(check, path, report)


def _check_http(check: Check, path: str, report: Report) -> None:
    if check.protocol not in ("", "http", "https"):
        report("error", f"{path}.protocol", f"{path}.protocol is {check.protocol!r}: use http or https")
    if check.path and not check.path.startswith("/"):
        report("error", f"{path}.path", f"{path}.path is {check.path!r}: it must begin with /")


def check_machine_checks(checks: Sequence[Raw], path: str, report: Report) -> None:
    """Report machine checks that would try nothing."""
    for position, check in enumerate(checks):
        if not check.get("command"):
            here = f"{path}[{position}].command"
            report("error", here, f'{here} is missing: give it as a list, like ["curl", "-f", "http://[…]:8080"]')


def _check_ports(service: Service, path: str, report: Report) -> None:
    """One port, or a range of them, each from 1 to 65535."""
    for position, port in enumerate(service.ports):
        here = f"{path}.ports[{position}]"
        for key in ("port", "start_port", "end_port"):
            number = port.get(key)
            if isinstance(number, int) and not 1 <= number <= 65535:
                report("error", f"{here}.{key}", f"{here}.{key} is {number}: it must be from 1 to 65535")
        single, start, end = (port.get(key) for key in ("port", "start_port", "end_port"))
        if (single is None) == (start is None and end is None) or (start is None) != (end is None):
            report("error", f"{here}.port", f"{here} needs either port, or start_port and end_port")
        elif isinstance(start, int) and isinstance(end, int) and start > end:
            report("error", f"{here}.end_port", f"{here}.end_port is {end}, which is before start_port {start}")
        for handler in _handlers(port):
            if handler not in _HANDLERS:
                known = ", ".join(_HANDLERS)
                report("error", f"{here}.handlers", f"{here}.handlers has {handler!r}: use {known}")


def _handlers(port: Raw) -> list[str]:
    handlers = port.get("handlers")
    return [one for one in handlers if isinstance(one, str)] if isinstance(handlers, list) else []


def _check_concurrency(service: HttpService | Service, path: str, report: Report) -> None:
    limits = service.concurrency
    if limits is None:
        return
    here = f"{path}.concurrency"
    if limits.type not in ("", "connections", "requests"):
        report("error", f"{here}.type", f"{here}.type is {limits.type!r}: use connections or requests")
    for key, limit in (("soft_limit", limits.soft_limit), ("hard_limit", limits.hard_limit)):
        if limit is not None and limit < 0:
            report("error", f"{here}.{key}", f"{here}.{key} must not be negative")
