"""A process killed at any seam leaves a state that the next ensure repairs, and nothing that nobody gives back."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from caddis.domain.sizes import GIB
from caddis.domain.volume import EncryptionKind
from caddis.volumes.pool import PoolChoice
from contracts.volumes_contract import create, describe, new_id
from real_store import RealHost, list_loops, list_mounts, temporary_host

pytestmark = pytest.mark.host


@pytest.fixture
def host() -> Iterator[RealHost]:
    with temporary_host() as host:
        yield host


@pytest.mark.parametrize(
    "seam",
    [
        *(
            "pool.create:after allocate",
            "pool.create:after attach",
            "pool.create:after mkfs",
            "pool.create:after mount",
        ),
        *("pool.create:after furnish", "pool.create:after rename", "pool.open:after attach", "pool.open:after mount"),
    ],
)
def test_a_pool_whose_making_was_killed_is_whole_at_the_next_start(host: RealHost, seam: str) -> None:
    host.die_at(seam, "")
    store = host.open()
    store.mount(create(store))
    assert sorted(os.listdir(host.data)) == ["pool.img", "wrapping.key"]
    assert len(list_loops(host.data)) == 1
    assert [point for point in list_mounts(host.run) if point.endswith("pool.new")] == []


def test_a_block_device_whose_formatting_was_killed_is_made_whole(host: RealHost) -> None:
    from test_pool_kinds import disk

    with disk(host.data.parent / "outside") as device:
        host.choice = PoolChoice(where=device, format_device=True)
        host.die_at("pool.create:after mkfs", "")
        host.choice = PoolChoice(where=device)  # the word was given once, and the device is ours by its label
        store = host.open()
        create(store)
        store.close()


@pytest.mark.parametrize("encrypted", [False, True])
@pytest.mark.parametrize("seam", ["after blank", "after open", "after mkfs", "after mount", "after protect"])
def test_a_killed_format_is_done_again_or_undone(host: RealHost, seam: str, encrypted: bool) -> None:
    store = host.open()
    volume = describe(store, new_id(), encrypted=encrypted)
    store.allocate(volume.id, 1)
    host.extra = volume
    host.die_at(f"volumes.format:{seam}", "store.format(extra)")
    store.format(volume)
    assert host.list_files(store.mount(volume)) == []
    store.unmount(volume.id)
    host.die_at(f"volumes.format:{seam}", "store.format(extra)")
    store.erase(volume.id)
    assert host.leftovers() == []


@pytest.mark.parametrize("encrypted", [False, True])
@pytest.mark.parametrize("seam", ["after open", "after mount", "after unlock"])
def test_a_killed_mount_is_finished_or_taken_back(host: RealHost, seam: str, encrypted: bool) -> None:
    store = host.open()
    volume = create(store, encrypted=encrypted)
    host.put_file(store.mount(volume), "guest", b"hello")
    store.unmount(volume.id)
    kept = host.leftovers()
    host.extra = volume
    for repair in ("mount", "unmount"):
        host.die_at(f"volumes.mount:{seam}", "store.mount(extra)")
        if repair == "mount":
            path = Path(store.mount(volume))
            assert (path / "guest").read_bytes() == b"hello"
            assert len(list_loops(host.run)) == 1
        store.unmount(volume.id)
        assert host.leftovers() == kept


@pytest.mark.parametrize("kind", [EncryptionKind.NONE, EncryptionKind.FSCRYPT])
@pytest.mark.parametrize("seam", ["after check", "after grow", "after publish"])
def test_a_killed_growth_at_rest_is_done_again_or_erased(host: RealHost, seam: str, kind: EncryptionKind) -> None:
    store = host.open()
    for repair in ("mount", "erase"):
        volume = create(store, kind=kind)
        host.put_file(store.mount(volume), "guest", b"hello")
        store.unmount(volume.id)
        store.extend(volume.id, 2)
        host.extra = replace(volume, size_gb=2)
        host.die_at(f"volumes.grow:{seam}", "store.mount(extra)")
        if repair == "mount":
            path = Path(store.mount(host.extra))
            assert (path / "guest").read_bytes() == b"hello"
            assert os.statvfs(path).f_blocks * 4096 > 1.8 * GIB
        store.unmount(volume.id)
        store.erase(volume.id)
        assert host.leftovers() == []


def test_a_killed_unmount_is_finished(host: RealHost) -> None:
    store = host.open()
    volume = create(store)
    store.mount(volume)
    host.extra = volume
    host.die_at("volumes.unmount:after unmount", "store.unmount(extra.id)")
    store.unmount(volume.id)
    assert list_loops(host.run) == []
    assert not (host.run / "volumes" / volume.id).exists()


def test_a_killed_erase_is_finished(host: RealHost) -> None:
    store = host.open()
    volume = create(store, encrypted=True)
    host.extra = volume
    host.die_at("volumes.erase:after unmount", "store.erase(extra.id)")
    store.erase(volume.id)
    assert host.leftovers() == []


@pytest.mark.parametrize(
    "seam",
    ["volumes.template:after mount", *(f"volumes.scratch:after {step}" for step in ("clone", "open", "mount"))],
)
def test_a_killed_scratch_is_empty_again_and_leaves_nothing(host: RealHost, seam: str) -> None:
    store = host.open()
    for repair in ("mount", "unmount"):
        if repair == "mount" or "template" not in seam:  # a template is made once
            host.die_at(seam, "store.mount_scratch('m1', 0)")
        if repair == "mount":
            assert host.list_files(store.mount_scratch("m1", 0)) == []
        store.unmount_scratch("m1")
        assert host.leftovers() == []


def test_a_killed_throwing_away_is_finished(host: RealHost) -> None:
    store = host.open()
    host.put_file(store.mount_scratch("m1", 0), "trace", b"secret")
    host.die_at("volumes.unscratch:after unmount", "store.unmount_scratch('m1')")
    assert host.list_files(store.mount_scratch("m1", 0)) == []
    store.unmount_scratch("m1")
    assert host.leftovers() == []
