"""Volumes in the types that clients insist on (facts: machines-api 5)."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from wire_strategies import anything, volumes

from caddis.domain.errors import Invalid, Problem
from caddis.domain.machine import Guest
from caddis.domain.volume import FileSystemKind, Volume, VolumeState
from caddis.wire.body import document_from_body, document_to_body
from caddis.wire.time import time_from_wire
from caddis.wire.volume import (
    VolumeRequest,
    VolumeUpdate,
    volume_request_from_wire,
    volume_to_wire,
    volume_update_from_wire,
)

_TYPES: dict[str, type] = {
    "id": str,
    "name": str,
    "state": str,
    "size_gb": int,
    "region": str,
    "zone": str,
    "encrypted": bool,
    "attached_machine_id": object,
    "attached_alloc_id": object,
    "created_at": str,
    "blocks": int,
    "block_size": int,
    "blocks_free": int,
    "blocks_avail": int,
    "bytes_used": int,
    "bytes_total": int,
    "fstype": str,
    "snapshot_retention": int,
    "auto_backup_enabled": bool,
    "host_status": str,
    "host_dedication_key": str,
    "host_dedication_id": str,
}


@given(volumes())
def test_every_volume_has_exactly_the_fields_of_fly_and_then_ours(volume: Volume) -> None:
    document = document_from_body(document_to_body(volume_to_wire(volume)))
    assert list(document) == [*_TYPES, "last_kept_snapshot_id", "last_kept_at"]
    for key, kind in _TYPES.items():
        assert kind is object or type(document[key]) is kind, key
    assert document["attached_machine_id"] == volume.attached_machine_id  # null, never ""
    assert document["attached_alloc_id"] is None
    assert time_from_wire(document["created_at"]) == volume.created_at
    assert document["host_status"] == "ok"
    assert 0 <= document["bytes_used"] <= document["bytes_total"]


@given(volumes())
def test_no_key_leaves_the_host(volume: Volume) -> None:
    assert not any("key" in name and name != "host_dedication_key" for name in volume_to_wire(volume))


@given(volumes())
def test_a_volume_has_no_file_system_until_it_is_created(volume: Volume) -> None:
    expected = "" if volume.state is VolumeState.CREATING else str(volume.fstype)
    assert volume_to_wire(volume)["fstype"] == expected


def test_the_least_request_is_a_name() -> None:
    request = volume_request_from_wire({"name": "data"})
    assert request == VolumeRequest(name="data", size_gb=None, encrypted=True, require_unique_zone=True)


def test_the_nulls_of_flyctl_are_defaults() -> None:
    keys = ("size_gb", "encrypted", "fstype", "require_unique_zone", "unique_zone_app_wide", "snapshot_id",
            "source_volume_id", "snapshot_retention", "auto_backup_enabled", "compute", "region")  # fmt: skip
    assert volume_request_from_wire({"name": "data", **dict.fromkeys(keys)}) == VolumeRequest(name="data")


def test_a_whole_request_is_understood() -> None:
    request = volume_request_from_wire(
        {
            "name": "data",
            "region": "lhr",
            "size_gb": 10,
            "encrypted": False,
            "fstype": "raw",
            "require_unique_zone": False,
            "unique_zone_app_wide": True,
            "snapshot_id": "vs_1",
            "source_volume_id": "vol_1",
            "snapshot_retention": 14,
            "auto_backup_enabled": False,
            "compute": {"cpus": 2, "memory_mb": 512},
            "compute_image": "debian:12",
            "machines_only": True,
        }
    )
    assert request == VolumeRequest(
        name="data",
        region="lhr",
        size_gb=10,
        encrypted=False,
        fstype=FileSystemKind.RAW,
        require_unique_zone=False,
        unique_zone_app_wide=True,
        snapshot_id="vs_1",
        source_volume_id="vol_1",
        snapshot_retention=14,
        auto_backup_enabled=False,
        compute=Guest(cpus=2, memory_mb=512),
    )


@pytest.mark.parametrize("size", ["abc", "5", 0, -1, 501, True, 1.5, [], {}])
def test_what_is_no_size_is_refused_plainly(size: object) -> None:
    with pytest.raises(Invalid, match="volume size") as caught:
        volume_request_from_wire({"name": "data", "size_gb": size})
    assert caught.value.field == "size_gb"


@pytest.mark.parametrize(
    ("document", "field"),
    [
        ([], None),
        ({}, "name"),
        ({"name": 5}, "name"),
        ({"name": "My Data"}, "name"),
        ({"name": "a" * 31}, "name"),
        ({"name": "data-1"}, "name"),
        ({"name": "data", "region": 1}, "region"),
        ({"name": "data", "encrypted": "no"}, "encrypted"),
        ({"name": "data", "fstype": "btrfs"}, "fstype"),
        ({"name": "data", "snapshot_retention": 0}, "snapshot_retention"),
        ({"name": "data", "snapshot_retention": 61}, "snapshot_retention"),
        ({"name": "data", "compute": {"cpus": 3}}, "compute.cpus"),
        ({"name": "data", "compute": "big"}, "compute"),
    ],
)
def test_a_wrong_request_is_refused_by_field(document: object, field: str | None) -> None:
    with pytest.raises(Invalid) as caught:
        volume_request_from_wire(document)
    assert caught.value.field == field


def test_an_update_leaves_alone_what_it_does_not_name() -> None:
    assert volume_update_from_wire({"snapshot_retention": None, "auto_backup_enabled": None}) == VolumeUpdate()
    assert volume_update_from_wire({"snapshot_retention": 7}) == VolumeUpdate(snapshot_retention=7)
    assert volume_update_from_wire({"auto_backup_enabled": False}) == VolumeUpdate(auto_backup_enabled=False)


@pytest.mark.parametrize(
    "document", [{"snapshot_retention": 0}, {"snapshot_retention": "7"}, {"auto_backup_enabled": 1}]
)
def test_a_wrong_update_is_refused_by_field(document: dict[str, Any]) -> None:
    with pytest.raises(Invalid) as caught:
        volume_update_from_wire(document)
    assert caught.value.field == next(iter(document))


@given(anything)
def test_no_volume_body_whatever_is_a_bug(document: object) -> None:
    for decode in (volume_request_from_wire, volume_update_from_wire):
        try:
            decode(document)
        except Problem:
            pass


def test_limits_of_its_own_are_an_extra_that_only_such_a_volume_has() -> None:
    update = volume_update_from_wire({"io_limits": {"iops": 500, "bandwidth": None}})
    assert update.io_limits == {"iops": 500, "bandwidth": None}
    assert volume_update_from_wire({"io_limits": None}).io_limits is None
    with pytest.raises(Invalid) as refused:
        volume_update_from_wire({"io_limits": {"iops": -1}})
    assert refused.value.field == "io_limits.iops"
