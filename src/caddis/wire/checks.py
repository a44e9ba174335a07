"""Checks of a config document, at its top and in its services, and what is told of them (facts: machines-api 4.5.4)."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from caddis.domain.check import (
    DEFAULT_GRACE,
    DEFAULT_INTERVAL,
    DEFAULT_TIMEOUT,
    Check,
    CheckState,
    CheckType,
    HttpLook,
)
from caddis.domain.errors import Invalid
from caddis.wire.reading import Reader, has_control_characters
from caddis.wire.time import time_to_wire

KINDS = ("informational", "readiness")
_DURATIONS = {"interval": DEFAULT_INTERVAL, "timeout": DEFAULT_TIMEOUT, "grace_period": DEFAULT_GRACE}
_LONGEST = 3600.0  # seconds; a check that takes longer checks nothing
_SHORTEST = 1.0  # what is less is raised to it, as Fly does (facts: fly-toml 9)
_MOST = 50  # checks of one machine
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # a method or a header's name (RFC 9110, 5.6.2)
_HOST_NAME = re.compile(r"(?=.{1,253}\Z)[0-9A-Za-z-]{1,63}(\.[0-9A-Za-z-]{1,63})*")


def checks_from_wire(reader: Reader) -> tuple[Check, ...]:
    """All checks of a config; Invalid, with the field's path, where one could never be made."""
    top = reader.find_object("checks")
    checks = [
        _check(Reader(document, f"{reader.at('checks')}.{name}"), name, tuple(CheckType), port=0)
        for name, document in (top.document.items() if top else ())
    ]
    of_services: list[Check] = []
    for service in reader.objects("services"):
        port = service.whole("internal_port", high=65535)
        for one in service.objects("checks"):
            check = _check(one, "", (CheckType.TCP, CheckType.HTTP), port=port)
            of_services.append(_named(check, len(of_services)))
    if len(checks) + len(of_services) > _MOST:
        raise Invalid(f"{reader.at('checks')}: a machine has at most {_MOST} checks", field=reader.at("checks"))
    return (*checks, *of_services)


def check_to_wire(state: CheckState) -> dict[str, Any]:
    """One of a machine object's `checks`."""
    return {
        "name": state.name,
        "status": str(state.status),
        "output": state.output,
        "updated_at": time_to_wire(state.updated_at),
    }


def _named(check: Check, number: int) -> Check:
    """Checks of services have no names of their own; clients know these by their beginning."""
    return replace(check, name=f"servicecheck-{number:02}-{check.type}-{check.port}")


def _check(reader: Reader, name: str, types: tuple[CheckType, ...], *, port: int) -> Check:
    type = CheckType(reader.choice("type", types, ""))
    reader.choice("kind", KINDS, KINDS[0])
    interval, timeout, grace = (_duration(reader, key, default) for key, default in _DURATIONS.items())
    command = reader.texts("command")
    port = reader.whole("port", low=1, high=65535) if reader.has("port") else port
    if type is CheckType.SCRIPT and not command:
        field = reader.at("command")
        raise Invalid(f'{field} is missing: give the program to run, like ["/bin/check", "--fast"]', field=field)
    if type is CheckType.SCRIPT and any("\0" in word for word in command):
        raise Invalid(f"{reader.at('command')} contains a NUL character", field=reader.at("command"))
    if type is not CheckType.SCRIPT and not port:
        raise Invalid(f"{reader.at('port')} is missing: give the port to check", field=reader.at("port"))
    return Check(
        name=name,
        type=type,
        port=0 if type is CheckType.SCRIPT else port,
        http=_http(reader) if type is CheckType.HTTP else HttpLook(),
        command=command if type is CheckType.SCRIPT else (),
        interval=max(_SHORTEST, interval),
        timeout=max(_SHORTEST, timeout),
        grace_period=grace,
    )


def _duration(reader: Reader, key: str, default: float) -> float:
    seconds = reader.find_duration(key, high=_LONGEST)
    return default if seconds is None else seconds


def _http(reader: Reader) -> HttpLook:
    method = (reader.text("method") or "GET").upper()
    if not _TOKEN.fullmatch(method):
        raise Invalid(f"{reader.at('method')} is {method!r}, which is no HTTP method", field=reader.at("method"))
    path = reader.text("path") or "/"
    if not path.startswith("/") or has_control_characters(path) or " " in path:
        field = reader.at("path")
        raise Invalid(f"{field} is {path!r}: it must begin with / and have no spaces, like /up", field=field)
    return HttpLook(
        method=method,
        path=path,
        protocol=reader.choice("protocol", ("http", "https"), "http"),
        headers=tuple(pair for header in reader.objects("headers") for pair in _header(header)),
        skip_verify=reader.truth("tls_skip_verify"),
        server_name=_server_name(reader),
    )


def _server_name(reader: Reader) -> str:
    name = reader.text("tls_server_name")
    if name and not _HOST_NAME.fullmatch(name):
        field = reader.at("tls_server_name")
        raise Invalid(f"{field} is {name!r}, which is no host name", field=field)
    return name


def _header(reader: Reader) -> list[tuple[str, str]]:
    name, values = reader.text("name"), reader.texts("values")
    if not _TOKEN.fullmatch(name) or any(has_control_characters(value) for value in values):
        raise Invalid(f"{reader.path} cannot be an HTTP header: {name!r}", field=reader.path)
    return [(name, value) for value in values]
