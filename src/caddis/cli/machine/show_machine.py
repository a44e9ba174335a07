"""A machine object's parts, as tables show them (facts: cli-deploy-launch 3 and 5.4)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from caddis.cli.times import ago
from caddis.domain.life import DEFAULT_MAX_RETRIES
from caddis.domain.machine import Guest, RestartPolicy
from caddis.wire.time import time_from_wire
from caddis.wire.vm_size import size_name

Wire = Mapping[str, Any]


def config_of(machine: Wire) -> Wire:
    """Its config; empty while its host does not answer and none is known."""
    found: Wire = machine.get("config") or machine.get("incomplete_config") or {}
    return found


def metadata_of(machine: Wire) -> Wire:
    """Its metadata."""
    found: Wire = config_of(machine).get("metadata") or {}
    return found


def group_of(machine: Wire) -> str:
    """Its process group, "" when it says none."""
    metadata = metadata_of(machine)
    return str(metadata.get("fly_process_group") or metadata.get("process_group") or "")


def is_managed(machine: Wire) -> bool:
    """Whether deploys take care of it (facts: cli-deploy-launch 1.3)."""
    managed = metadata_of(machine).get("fly_platform_version") == "v2"
    return managed and machine["state"] not in ("destroyed", "destroying")


def volume_of(machine: Wire) -> str:
    """The id of its volume, or ""."""
    mounts = config_of(machine).get("mounts") or []
    return str(mounts[0].get("volume", "")) if mounts else ""


def image_of(machine: Wire) -> str:
    """repository:tag, or its config's image."""
    reference = machine.get("image_ref") or {}
    if reference.get("repository"):
        return f"{reference['repository']}:{reference.get('tag') or 'latest'}"
    return str(config_of(machine).get("image", ""))


def size_of(machine: Wire) -> str:
    """ "shared-cpu-1x:256MB"."""
    guest = config_of(machine).get("guest") or {}
    if not guest:
        return ""
    size = Guest(cpu_kind=guest["cpu_kind"], cpus=guest["cpus"], memory_mb=guest["memory_mb"])
    return f"{size_name(size)}:{size.memory_mb}MB"


def checks_of(machine: Wire) -> list[Wire]:
    """Its checks, by name."""
    return sorted(machine.get("checks") or [], key=lambda check: str(check["name"]))


def since(check: Wire) -> str:
    """How long ago the check's status last changed."""
    return ago(time_from_wire(str(check["updated_at"])), datetime.now(UTC))


def passing_of(machine: Wire) -> str:
    """ "2/3", or "" without checks."""
    checks = checks_of(machine)
    passing = sum(1 for check in checks if check["status"] == "passing")
    return f"{passing}/{len(checks)}" if checks else ""


def checks_in_words(machine: Wire) -> str:
    """ "3 total, 2 passing, 1 critical", or "" without checks."""
    checks = checks_of(machine)
    if not checks:
        return ""
    counts = [(sum(1 for one in checks if one["status"] == word), word) for word in ("passing", "warning", "critical")]
    return ", ".join([f"{len(checks)} total", *(f"{count} {word}" for count, word in counts if count)])


def restart_of(machine: Wire) -> str:
    """Its restart policy: "on-failure, 10 retries"."""
    restart = config_of(machine).get("restart") or {}
    policy = str(restart.get("policy") or RestartPolicy.ON_FAILURE)
    retries = restart.get("max_retries") or DEFAULT_MAX_RETRIES
    return f"{policy}, {retries} retries" if policy == RestartPolicy.ON_FAILURE else policy


def event_time(event: Wire) -> datetime:
    """When it happened."""
    return datetime.fromtimestamp(event["timestamp"] / 1000, UTC)
