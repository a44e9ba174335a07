"""A machine and what is told about it, in the types that clients insist on (facts: machines-api 4.2, 4.6, 4.8)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from wire_strategies import events, exits, machines, times, volumes

from caddis.domain.lease import Lease
from caddis.domain.machine import Event, ExitStatus, Machine, MachineState
from caddis.domain.volume import Volume
from caddis.wire.body import document_from_body, document_to_body
from caddis.wire.machine import (
    event_to_wire,
    exec_to_wire,
    exit_event,
    lease_released_to_wire,
    lease_to_wire,
    machine_to_wire,
    machines_summary,
    ps_to_wire,
    start_to_wire,
    versions_to_wire,
    with_host_status,
)
from caddis.wire.machine_config import config_from_wire, config_to_wire
from caddis.wire.time import time_from_wire

NOW = datetime(2026, 8, 20, 10, 11, 12, 345678, tzinfo=UTC)
_TYPES: dict[str, type] = {
    "id": str,
    "name": str,
    "state": str,
    "region": str,
    "instance_id": str,
    "version": str,
    "image_ref": dict,
    "private_ip": str,
    "created_at": str,
    "updated_at": str,
    "config": dict,
    "events": list,
    "checks": list,
    "cordoned": bool,
    "host_status": str,
}


def machine_of(document: dict[str, Any], **fields: Any) -> Machine:
    machine = Machine(
        id="2874e0b6f05d18",
        app="demo",
        name="web",
        region="lhr",
        state=MachineState.STARTED,
        instance_id="01J",
        config=config_from_wire(document),
        raw_config=document,
        created_at=NOW,
        updated_at=NOW,
    )
    return replace(machine, **fields)


@given(machines(), st.none() | volumes(), st.lists(events, max_size=3), st.sampled_from(["ok", "unreachable"]))
def test_every_machine_has_the_fields_that_clients_read(
    machine: Machine, volume: Volume | None, history: list[Event], host_status: str
) -> None:
    document = machine_to_wire(machine, events=history, volume=volume, host_status=host_status)
    document = document_from_body(document_to_body(document))
    for key, kind in _TYPES.items():
        assert type(document[key]) is kind, key
    assert time_from_wire(document["created_at"]) == machine.created_at
    assert document["version"] == document["instance_id"]
    assert set(document["image_ref"]) == {"registry", "repository", "tag", "digest", "labels"}
    guest = document["config"]["guest"]
    assert (guest["cpu_kind"], guest["cpus"], guest["memory_mb"]) == (
        machine.config.guest.cpu_kind,
        machine.config.guest.cpus,
        machine.config.guest.memory_mb,
    )
    assert all(type(document["config"][key]) is dict for key in ("env", "metadata", "init"))
    assert ("incomplete_config" in document) == (host_status != "ok")
    assert "nonce" not in document


@given(machines(), st.none() | volumes())
def test_unknown_fields_come_back_unchanged(machine: Machine, volume: Volume | None) -> None:
    document = config_to_wire(machine, volume)
    for key, value in machine.raw_config.items():
        if key not in ("env", "metadata", "init", "guest", "mounts"):
            assert document[key] == value
    for key, value in (machine.raw_config.get("guest") or {}).items():
        assert document["guest"][key] == value
    for given_mount, mount in zip(machine.raw_config.get("mounts") or [], document.get("mounts") or [], strict=True):
        assert mount["extra"] == given_mount["extra"]


@given(machines(), volumes())
def test_what_a_client_got_it_may_send_back(machine: Machine, volume: Volume) -> None:
    again = config_from_wire(config_to_wire(machine, volume))
    assert again.guest == machine.config.guest
    assert again.env == machine.config.env
    assert again.init == machine.config.init


def test_a_preset_is_answered_as_the_guest_it_means() -> None:
    document = config_to_wire(machine_of({"image": "debian:12", "size": "shared-cpu-2x"}), None)
    assert document["guest"] == {"cpu_kind": "shared", "cpus": 2, "memory_mb": 512}
    assert "size" not in document


@given(volumes())
def test_the_mount_tells_name_size_and_encryption_of_its_volume(volume: Volume) -> None:
    machine = machine_of({"image": "debian:12", "mounts": [{"volume": "data", "path": "/data", "add_size_gb": 2}]})
    assert config_to_wire(machine, volume)["mounts"] == [
        {
            "volume": volume.id,
            "path": "/data",
            "add_size_gb": 2,
            "name": volume.name,
            "size_gb": volume.size_gb,
            "encrypted": volume.encrypted,
        }
    ]
    assert machine.raw_config["mounts"] == [{"volume": "data", "path": "/data", "add_size_gb": 2}]


def test_an_unreachable_host_is_told_beside_the_last_known_config() -> None:
    document = machine_to_wire(machine_of({"image": "debian:12"}), events=(), volume=None)
    lost = with_host_status(document, "unreachable")
    assert lost["host_status"] == "unreachable"
    assert lost["incomplete_config"] == lost["config"] == document["config"]
    assert "incomplete_config" not in with_host_status(lost, "ok")


def test_the_nonce_of_a_leased_create_is_told() -> None:
    document = machine_to_wire(machine_of({"image": "debian:12"}), events=(), volume=None, nonce="abc")
    assert document["nonce"] == "abc"


def test_the_image_is_taken_apart() -> None:
    machine = machine_of({"image": "ghcr.io/a/b:2"}, image_digest="sha256:12", image_labels={"x": "y"})
    assert machine_to_wire(machine, events=(), volume=None)["image_ref"] == {
        "registry": "ghcr.io",
        "repository": "a/b",
        "tag": "2",
        "digest": "sha256:12",
        "labels": {"x": "y"},
    }


@given(exits, times, st.integers(0, 99))
def test_an_exit_tells_all_that_clients_dereference(exit: ExitStatus, at: datetime, restarts: int) -> None:
    request = exit_event(exit, restart_count=restarts)
    event = Event(id="1", type="exit", status="stopped", source="flyd", at=at, request=request)
    document = document_from_body(document_to_body(event_to_wire(event)))
    assert document["timestamp"] == round(at.timestamp() * 1000)
    told = document["request"]["exit_event"]
    assert told == document["request"]["MonitorEvent"]["exit_event"]
    assert document["request"]["restart_count"] == restarts
    assert (told["exit_code"], told["oom_killed"]) == (exit.code, exit.oom_killed)
    assert (told["requested_stop"], told["restarting"]) == (exit.requested, exit.restarting)
    assert time_from_wire(told["exited_at"]) == exit.at


@given(events)
def test_no_exit_goes_without_its_exit_event(event: Event) -> None:
    document = event_to_wire(event)
    assert ("exit_event" in document.get("request", {})) == (event.type == "exit")


def test_a_lease_is_told_as_a_success_with_data() -> None:
    lease = Lease(machine="m", nonce="n", owner="me@x", description="deploy", expires_at=NOW)
    assert lease_to_wire(lease, version="01J") == {
        "status": "success",
        "data": {
            "nonce": "n",
            "expires_at": 1787220672,
            "owner": "me@x",
            "description": "deploy",
            "version": "01J",
        },
    }
    assert lease_released_to_wire() == {"status": "success", "data": {"ok": True}}


def test_a_start_tells_the_state_before() -> None:
    assert start_to_wire(MachineState.STOPPED) == {"previous_state": "stopped", "migrated": False, "new_host": ""}


@dataclass(frozen=True)
class Row:
    pid: int = 1
    command: str = "/app"
    directory: str = "/"
    cpu: int = 12
    rss: int = 4096
    started: int = 99
    listen: tuple[tuple[str, str], ...] = (("tcp", "0.0.0.0:8080"),)


def test_processes_tell_what_they_listen_on() -> None:
    told = ps_to_wire([Row()])[0]
    assert told["listen_sockets"] == [{"proto": "tcp", "address": "0.0.0.0:8080"}]
    assert (told["pid"], told["cpu"], told["rss"], told["stime"], told["rtime"]) == (1, 12, 4096, 99, 12)


@dataclass(frozen=True)
class Ran:
    exit_code: int = 3
    exit_signal: int = 0
    stdout: bytes = b"caf\xe9"
    stderr: bytes = b""


def test_output_that_is_not_utf8_is_still_told() -> None:
    assert exec_to_wire(Ran()) == {
        "exit_code": 3,
        "exit_signal": 0,
        "stdout": "caf\N{REPLACEMENT CHARACTER}",
        "stderr": "",
    }


def test_versions_tell_the_config_of_each() -> None:
    assert versions_to_wire([("01J", {"image": "a"})]) == [{"version": "01J", "user_config": {"image": "a"}}]


def test_a_summary_leaves_the_history_out() -> None:
    assert machines_summary([{"id": "a", "events": [1]}]) == [{"id": "a"}]
