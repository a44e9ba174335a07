"""Older and alternate forms of fly.toml, brought to the one form that decode.py reads (facts: fly-toml 1.1).

A patch touches only what it recognises: what has a wrong type is left for the decoder, which names it. Applying them to
a document that has the one form already changes nothing, so that a release's definition goes the same way.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeGuard

Document = dict[str, Any]
# sections with several spellings, in the order in which they are joined
SPELLINGS = {
    "mounts": ("mount", "mounts"),
    "vm": ("compute", "computes", "vm"),
    "metrics": ("metric", "metrics"),
}
_CHECK_TIMES = ("interval", "timeout", "grace_period")


@dataclass(frozen=True, slots=True)
class Patched:
    """The one form, and from where in the raw document its parts came when that is elsewhere, by paths."""

    document: Document
    origins: dict[str, str] = field(default_factory=dict)


def patch(raw: Mapping[str, Any], *, drops_empty: bool = True) -> Patched:
    """A new document in the one form; empty services are dropped as flyctl does, if `drops_empty`."""
    patched = Patched(copy.deepcopy(dict(raw)))
    document = patched.document
    _experimental(patched)
    _build(patched)
    for section in SPELLINGS:
        _as_list(patched, section)
    for section in ("restart", "files", "statics", "services", "machine_checks"):
        if isinstance(document.get(section), dict):
            document[section] = [document[section]]
            patched.origins[f"{section}[0]"] = section
    _stringify(document, "mounts", ("initial_size", "auto_extend_size_increment", "auto_extend_size_limit"))
    _stringify(document, "vm", ("memory",))
    _deploy(document)
    _env(patched)
    _processes(patched)
    _checks(patched)
    _services(patched, drops_empty=drops_empty)
    if _is_number(document.get("kill_timeout")):
        document["kill_timeout"] = f"{document['kill_timeout']}s"
    return patched


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _dicts(value: object) -> list[Document]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _as_list(patched: Patched, section: str) -> None:
    """`[mount]`, `[mounts]` and `[[mounts]]` together make one list."""
    joined: list[tuple[str, Any]] = []
    names = [name for name in SPELLINGS[section] if name in patched.document]
    for name in names:
        value = patched.document.pop(name)
        entries = value if isinstance(value, list) else [value]
        places = (f"{name}[{at}]" if isinstance(value, list) else name for at in range(len(entries)))
        joined += zip(places, entries, strict=True)
    for position, (place, _) in enumerate(joined):
        patched.origins.setdefault(f"{section}[{position}]", place)
    if names:
        patched.document[section] = [entry for _, entry in joined]
        patched.origins.setdefault(section, names[0])


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


def _named(entries: object) -> TypeGuard[list[Document]]:
    """Whether this is a list of tables with a name each."""
    return isinstance(entries, list) and all(isinstance(one, dict) and "name" in one for one in entries)


def _deploy(document: Document) -> None:
    deploy = document.get("deploy")
    vm = deploy.get("release_command_vm") if isinstance(deploy, dict) else None
    if isinstance(vm, dict) and _is_number(vm.get("memory")):
        vm["memory"] = str(vm["memory"])


def _env(patched: Patched) -> None:
    env = patched.document.get("env")
    if isinstance(env, list) and all(isinstance(entry, dict) for entry in env):
        patched.origins.update({f"env.{key}": f"env[{at}].{key}" for at, entry in enumerate(env) for key in entry})
        env = {key: value for entry in env for key, value in entry.items()}
    if isinstance(env, dict):
        patched.document["env"] = {key: _text_of(value) for key, value in env.items()}


def _processes(patched: Patched) -> None:
    processes = patched.document.get("processes")
    if _named(processes):
        patched.origins.update({f"processes.{one['name']}": f"processes[{at}]" for at, one in enumerate(processes)})
        patched.document["processes"] = {str(one["name"]): one.get("command", "") for one in processes}


def _experimental(patched: Patched) -> None:
    document = patched.document
    experimental = document.get("experimental")
    if not isinstance(experimental, dict):
        return
    for key in ("cmd", "entrypoint", "exec"):
        if isinstance(experimental.get(key), str):
            experimental[key] = [experimental[key]]
    if "kill_timeout" in experimental:
        timeout = experimental.pop("kill_timeout")
        if "kill_timeout" not in document:
            document["kill_timeout"] = timeout
            patched.origins["kill_timeout"] = "experimental.kill_timeout"
    moved = {new: experimental.pop(f"metrics_{new}") for new in ("port", "path") if f"metrics_{new}" in experimental}
    if moved and not any(name in document for name in SPELLINGS["metrics"]):
        document["metrics"] = [moved]
        patched.origins["metrics[0]"] = "experimental"
        patched.origins.update({f"metrics[0].{key}": f"experimental.metrics_{key}" for key in moved})


def _build(patched: Patched) -> None:
    build = patched.document.get("build")
    if isinstance(build, dict) and "build_target" in build:
        target = build.pop("build_target")
        if "build-target" not in build:
            build["build-target"] = target
            patched.origins["build.build-target"] = "build.build_target"


def _checks(patched: Patched) -> None:
    checks = patched.document.get("checks")
    if _named(checks):
        patched.origins.update({f"checks.{check['name']}": f"checks[{at}]" for at, check in enumerate(checks)})
        checks = {str(check.pop("name")): check for check in checks}
        patched.document["checks"] = checks
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


def _services(patched: Patched, *, drops_empty: bool) -> None:
    document = patched.document
    services = document.get("services")
    if isinstance(services, list):
        kept = [(at, service) for at, service in enumerate(services) if service != {} or not drops_empty]
        for position, (at, _) in enumerate(kept):
            patched.origins.setdefault(f"services[{position}]", f"services[{at}]")
        document["services"] = [service for _, service in kept]
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
