"""`--port edgePort[:machinePort][/protocol[:handler...]]` as services (facts: cli-deploy-launch 5.1). Pure."""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping, Sequence
from typing import Any

from caddis.domain.errors import Invalid

Wire = Mapping[str, Any]
_PORT = re.compile(
    r"(?P<first>[0-9]{1,5})(-(?P<last>[0-9]{1,5}))?(:(?P<inside>[0-9]{1,5}))?"
    r"(/(?P<protocol>[a-z]+)(?P<handlers>(:[a-z0-9_-]+)*))?\Z"
)
HANDLERS = ("tls", "http", "pg_tls", "proxy_proto", "edge_http")
_HOW = "write it like 80:8080/tcp:http, 443:8080/tcp:tls:http or 53/udp"


def services_with(services: Sequence[Wire], ports: Sequence[str]) -> list[dict[str, Any]]:
    """The services with these ports; the handler `-` takes a service away."""
    found = [copy.deepcopy(dict(service)) for service in services]
    for text in ports:
        _apply(found, text)
    return [service for service in found if service.get("ports")]


def _apply(services: list[dict[str, Any]], text: str) -> None:
    match = _PORT.match(text)
    if match is None:
        raise Invalid(f"--port {text!r} is not a port", hint=_HOW)
    first, last = int(match["first"]), int(match["last"] or match["first"])
    inside, protocol = int(match["inside"] or first), match["protocol"] or "tcp"
    handlers = [one for one in (match["handlers"] or "").split(":") if one]
    _check(text, ports=(first, last, inside), protocol=protocol, handlers=handlers)
    service = next(
        (one for one in services if (one.get("internal_port"), one.get("protocol", "tcp")) == (inside, protocol)), None
    )
    if service is None:
        service = {"protocol": protocol, "internal_port": inside, "ports": []}
        services.append(service)
    if handlers == ["-"]:
        service["ports"] = []
        return
    port: dict[str, Any] = {"port": first} if first == last else {"start_port": first, "end_port": last}
    kept = [one for one in service.get("ports") or [] if first not in (one.get("port"), one.get("start_port"))]
    service["ports"] = [*kept, {**port, "handlers": handlers}]


def _check(text: str, *, ports: tuple[int, int, int], protocol: str, handlers: Sequence[str]) -> None:
    if protocol not in ("tcp", "udp"):
        raise Invalid(f"--port {text!r}: the protocol is {protocol!r}, use tcp or udp", hint=_HOW)
    if not all(0 < port < 65536 for port in ports) or ports[0] > ports[1]:
        raise Invalid(f"--port {text!r}: ports are numbers from 1 to 65535, and a range goes upwards", hint=_HOW)
    unknown = [one for one in handlers if one not in HANDLERS and handlers != ["-"]]
    if unknown:
        raise Invalid(f"--port {text!r}: {unknown[0]!r} is not a handler, use {', '.join(HANDLERS)}", hint=_HOW)
