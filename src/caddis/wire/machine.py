"""A machine and all that is told about one, as Fly spells it (facts: machines-api 4.2, 4.6, 4.8, 4.9)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

from caddis.domain.image import parse_reference
from caddis.domain.lease import Lease
from caddis.domain.machine import Event, ExitStatus, Machine, MachineState
from caddis.domain.volume import Volume
from caddis.wire.checks import check_to_wire
from caddis.wire.machine_config import config_to_wire
from caddis.wire.time import epoch_milliseconds, time_to_wire

OK: Mapping[str, bool] = {"ok": True}
_NO_SIGNAL = -1  # how Fly writes "no signal ended it"


def machine_to_wire(
    machine: Machine,
    *,
    events: Iterable[Event],
    volume: Volume | None,
    host_status: str = "ok",
    nonce: str | None = None,
) -> dict[str, Any]:
    """The machine object. `events` come newest first; `nonce` only in the answer to a create with `lease_ttl`."""
    document: dict[str, Any] = {
        "id": machine.id,
        "name": machine.name,
        "state": str(machine.state),
        "region": machine.region,
        "instance_id": machine.instance_id,
        "version": machine.instance_id,
        "image_ref": image_ref_to_wire(machine),
        "private_ip": machine.address,
        "private_ipv4": machine.address_v4,  # ours: many programs listen on 0.0.0.0 alone
        "created_at": time_to_wire(machine.created_at),
        "updated_at": time_to_wire(machine.updated_at),
        "config": config_to_wire(machine, volume),
        "events": [event_to_wire(event) for event in events],
        "checks": [check_to_wire(state) for state in machine.shown_checks],
        "cordoned": machine.cordoned,
    }
    if machine.secrets_version is not None:  # ours: which of the app's secrets this version of it has
        document["secrets_version"] = machine.secrets_version
    if nonce is not None:
        document["nonce"] = nonce
    return with_host_status(document, host_status)


def with_host_status(document: Mapping[str, Any], host_status: str) -> dict[str, Any]:
    """A machine object that says how its host is.

    Clients read `incomplete_config` instead of `config` when that is not "ok" (facts: machines-api 4.2); both are
    given, because several of their commands look into `config` without asking.
    """
    marked = {**document, "host_status": host_status}
    marked.pop("incomplete_config", None)
    if host_status != "ok":
        marked["incomplete_config"] = document.get("config")
    return marked


def image_ref_to_wire(machine: Machine) -> dict[str, Any]:
    """The image, taken apart. The digest is that of what was unpacked, else the one that the reference names."""
    reference = parse_reference(machine.config.image)
    return {
        "registry": reference.registry,
        "repository": reference.repository,
        "tag": reference.tag,
        "digest": machine.image_digest or reference.digest,
        "labels": dict(machine.image_labels),
    }


def event_to_wire(event: Event) -> dict[str, Any]:
    """One event. An exit always carries `request.exit_event`, without it flyctl crashes (facts: machines-api 4.6)."""
    document: dict[str, Any] = {
        "id": event.id,
        "type": event.type,
        "status": event.status,
        "source": event.source,
        "timestamp": epoch_milliseconds(event.at),
    }
    request = dict(event.request or {})
    if event.type == "exit" and not request.get("exit_event"):
        request = {**exit_event(ExitStatus(code=-1, at=event.at), restart_count=0), **request}
    if request:
        document["request"] = request
    return document


def exit_event(exit: ExitStatus, *, restart_count: int) -> dict[str, Any]:
    """The `request` of an exit event; clients take the machine for crashing when it restarts over and over."""
    signal = exit.signal or _NO_SIGNAL
    told = {
        "exit_code": exit.code,
        "guest_exit_code": exit.code,
        "signal": signal,
        "guest_signal": signal,
        "oom_killed": exit.oom_killed,
        "requested_stop": exit.requested,
        "restarting": exit.restarting,
        "exited_at": time_to_wire(exit.at),
    }
    return {"exit_event": told, "MonitorEvent": {"exit_event": told}, "restart_count": restart_count}


def lease_to_wire(lease: Lease, *, version: str) -> dict[str, Any]:
    """The answer to acquire, refresh and get; `version` is the machine's instance id, so that clients see it change."""
    data = {
        "nonce": lease.nonce,
        "expires_at": int(lease.expires_at.timestamp()),
        "owner": lease.owner,
        "description": lease.description,
        "version": version,
    }
    return {"status": "success", "data": data}


def lease_released_to_wire() -> dict[str, Any]:
    """The answer to a release."""
    return {"status": "success", "data": {"ok": True}}


def start_to_wire(previous: MachineState) -> dict[str, Any]:
    """The answer to a start."""
    return {"previous_state": str(previous), "migrated": False, "new_host": ""}


def wait_to_wire(machine: Machine) -> dict[str, Any]:
    """The answer to a wait that was met."""
    return {"ok": True, "state": str(machine.state), "version": machine.instance_id}


def versions_to_wire(versions: Iterable[tuple[str, Mapping[str, Any]]]) -> list[dict[str, Any]]:
    """Pairs of instance id and config document, newest first."""
    return [{"version": version, "user_config": dict(config)} for version, config in versions]


class Process(Protocol):
    """A process inside a machine. CPU and start in clock ticks, memory in bytes."""

    @property
    def pid(self) -> int: ...
    @property
    def command(self) -> str: ...
    @property
    def directory(self) -> str: ...
    @property
    def cpu(self) -> int: ...
    @property
    def rss(self) -> int: ...
    @property
    def started(self) -> int: ...
    @property
    def listen(self) -> tuple[tuple[str, str], ...]: ...


def ps_to_wire(processes: Iterable[Process]) -> list[dict[str, Any]]:
    """The processes; deploy compares `listen_sockets` with the ports that services expect."""
    return [
        {
            "pid": process.pid,
            "command": process.command,
            "directory": process.directory,
            "cpu": process.cpu,
            "rss": process.rss,
            "stime": process.started,
            "rtime": process.cpu,
            "listen_sockets": [{"proto": protocol, "address": address} for protocol, address in process.listen],
        }
        for process in processes
    ]


class Executed(Protocol):
    """How a program that ran inside ended, and what it said."""

    @property
    def exit_code(self) -> int: ...
    @property
    def exit_signal(self) -> int: ...
    @property
    def stdout(self) -> bytes: ...
    @property
    def stderr(self) -> bytes: ...


def exec_to_wire(result: Executed) -> dict[str, Any]:
    """The answer to an exec; output that is not UTF-8 keeps its place with replacement characters."""
    return {
        "exit_code": result.exit_code,
        "exit_signal": result.exit_signal,
        "stdout": result.stdout.decode(errors="replace"),
        "stderr": result.stderr.decode(errors="replace"),
    }


def machines_summary(machines: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Machine objects without their history, for `?summary=true`."""
    return [{key: value for key, value in machine.items() if key != "events"} for machine in machines]
