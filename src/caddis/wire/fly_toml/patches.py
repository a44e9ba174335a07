"""Older and alternate forms of fly.toml, brought to the one form that decode.py reads (facts: fly-toml 1.1).

A patch touches only what it recognises: what has a wrong type is left for the decoder, which names it. Applying them to
a document that has the one form already changes nothing, so that a release's definition goes the same way.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from caddis.wire.fly_toml.locate import SPELLINGS

Document = dict[str, Any]
_CHECK_TIMES = ("interval", "timeout", "grace_period")


def patch(raw: Mapping[str, Any]) -> Document:
    """A new document in the one form."""
    document = copy.deepcopy(dict(raw))
    _experimental(document)
    _build(document)
    for section in ("mounts", "vm", "metrics"):
        _as_list(document, section)
    for section in ("restart", "files", "statics", "services"):
        if isinstance(document.get(section), dict):
            document[section] = [document[section]]
    _stringify(document, "mounts", ("initial_size", "auto_extend_size_increment", "auto_extend_size_limit"))
    _stringify(document, "vm", ("memory",))
    _env(document)
    _processes(document)
    _checks(document)
    _services(document)
    if _is_number(document.get("kill_timeout")):
        document["kill_timeout"] = f"{document['kill_timeout']}s"
    return document


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _dicts(value: object) -> list[Document]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _as_list(document: Document, section: str) -> None:
    """`[mount]`, `[mounts]` and `[[mounts]]` together make one list."""
    joined: list[Any] = []
    names = [name for name in SPELLINGS[section] if name in document]
    for name in names:
        value = document.pop(name)
        joined += value if isinstance(value, list) else [value]
    if names:
        document[section] = joined


def _stringify(document: Document, section: str, keys: tuple[str, ...]) -> None:
    for entry in _dicts(document.get(section)):
        for key in keys:
            if _is_number(entry.get(key)):
                entry[key] = str(entry[key])


def _text_of(value: Any) -> Any:
    """A value of [env] as text, the way people mean it; tables and lists are left to the decoder."""
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if not isinstance(value, str | dict | list) and value is not None else value


def _env(document: Document) -> None:
    env = document.get("env")
    if isinstance(env, list) and all(isinstance(entry, dict) for entry in env):
        env = {key: value for entry in env for key, value in entry.items()}
    if isinstance(env, dict):
        document["env"] = {key: _text_of(value) for key, value in env.items()}


def _processes(document: Document) -> None:
    processes = document.get("processes")
    if isinstance(processes, list) and all(isinstance(entry, dict) and "name" in entry for entry in processes):
        document["processes"] = {str(entry["name"]): entry.get("command", "") for entry in processes}


def _experimental(document: Document) -> None:
    experimental = document.get("experimental")
    if not isinstance(experimental, dict):
        return
    for key in ("cmd", "entrypoint", "exec"):
        if isinstance(experimental.get(key), str):
            experimental[key] = [experimental[key]]
    if "kill_timeout" in experimental:
        document.setdefault("kill_timeout", experimental.pop("kill_timeout"))
    moved = {new: experimental.pop(f"metrics_{new}") for new in ("port", "path") if f"metrics_{new}" in experimental}
    if moved and not any(name in document for name in SPELLINGS["metrics"]):
        document["metrics"] = [moved]


def _build(document: Document) -> None:
    build = document.get("build")
    if isinstance(build, dict) and "build_target" in build:
        build.setdefault("build-target", build.pop("build_target"))


def _checks(document: Document) -> None:
    checks = document.get("checks")
    if isinstance(checks, list) and all(isinstance(check, dict) and "name" in check for check in checks):
        checks = {str(check.pop("name")): check for check in checks}
        document["checks"] = checks
    if isinstance(checks, dict):
        for check in checks.values():
            _check(check)


def _check(check: object) -> None:
    if not isinstance(check, dict):
        return
    for key in _CHECK_TIMES:
        if _is_number(check.get(key)):
            check[key] = f"{check[key]}ms"
    _port(check, "port")
    headers = check.get("headers")
    if isinstance(headers, list) and all(isinstance(header, dict) and "name" in header for header in headers):
        check["headers"] = {str(header["name"]): header.get("values", header.get("value", "")) for header in headers}


def _port(table: Document, key: str) -> None:
    value = table.get(key)
    if isinstance(value, str) and value.strip().isdecimal():
        table[key] = int(value)


def _services(document: Document) -> None:
    services = document.get("services")
    if isinstance(services, list):
        document["services"] = [service for service in services if service != {}]
    http_service = document.get("http_service")
    for service in [*_dicts(document.get("services")), *([http_service] if isinstance(http_service, dict) else [])]:
        _port(service, "internal_port")
        _concurrency(service)
        if isinstance(service.get("auto_stop_machines"), bool):
            service["auto_stop_machines"] = "stop" if service["auto_stop_machines"] else "off"
        for checks in ("checks", "tcp_checks", "http_checks"):
            for check in _dicts(service.get(checks)):
                _check(check)
        for port in _dicts(service.get("ports")):
            for key in ("port", "start_port", "end_port"):
                _port(port, key)


def _concurrency(service: Document) -> None:
    """ "20,25" are the soft and the hard limit of requests."""
    value = service.get("concurrency")
    if not isinstance(value, str):
        return
    soft, comma, hard = value.partition(",")
    if comma and soft.strip().isdecimal() and hard.strip().isdecimal():
        service["concurrency"] = {"type": "requests", "soft_limit": int(soft), "hard_limit": int(hard)}
