"""What every `Volumes` (agent/world.py) must do: the real store and the fake are held to the same sentences."""

from __future__ import annotations

import secrets
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from caddis.domain.errors import Conflict, Damaged, Invalid, NoCapacity, WrongVolume
from caddis.domain.ids import volume_id
from caddis.domain.sizes import GIB, MIB
from caddis.domain.snapshot import origin_of
from caddis.domain.volume import EncryptionKind, FileSystemKind, Volume, VolumeState


def new_id() -> str:
    """A volume's id that no other test has."""
    return volume_id(secrets.token_bytes(16))


def describe(
    store: Any,
    id: str,
    *,
    encrypted: bool = False,
    kind: EncryptionKind | None = None,
    fstype: FileSystemKind = FileSystemKind.EXT4,
) -> Volume:
    """A volume of 1 GB that is not on any disk yet, encrypted as this host chooses unless a `kind` is said."""
    kind = kind or store.choose_encryption(encrypted, fstype)
    return Volume(
        id=id,
        app="web",
        name="data",
        region="lhr",
        zone="a1f0",
        size_gb=1,
        state=VolumeState.CREATED,
        encryption=kind,
        fstype=fstype,
        created_at=datetime(2026, 11, 24, tzinfo=UTC),
        wrapped_key=store.make_key(id) if kind is not EncryptionKind.NONE else None,
    )


def create(
    store: Any,
    *,
    encrypted: bool = False,
    kind: EncryptionKind | None = None,
    fstype: FileSystemKind = FileSystemKind.EXT4,
) -> Volume:
    """A new volume, as the agent's recipe makes it."""
    volume = describe(store, new_id(), encrypted=encrypted, kind=kind, fstype=fstype)
    store.allocate(volume.id, volume.size_gb)
    store.format(volume)
    store.write_record(volume)
    return volume


def copy_of(store: Any, volume: Volume, *, snapshot_id: str | None = None, size_gb: int = 1) -> Volume:
    """A new volume from a snapshot of this one, or from itself."""
    id = new_id()
    copy = replace(volume, id=id, size_gb=size_gb, wrapped_key=store.rewrap_key(origin_of(volume), id))
    store.copy(copy, origin_of(volume), snapshot_id)
    return copy


class Host:
    """What the contract asks of the one who runs it, beside a fixture `host` that gives one of these.

    The pool must have room for three volumes of 1 GB and a scratch file system, and no more than 100 GB.
    """

    store: Any

    def put_file(self, path: str, name: str, content: bytes) -> None:
        raise NotImplementedError

    def list_files(self, path: str) -> list[str]:
        raise NotImplementedError

    def swap_images(self, one: str, other: str) -> None:
        raise NotImplementedError

    def leftovers(self) -> list[str]:
        """Whatever of volumes and scratch file systems is still mounted, attached or on disk."""
        raise NotImplementedError


class VolumesContract:
    """Mix into a test class."""

    @pytest.mark.parametrize("encrypted", [False, True])
    def test_a_new_volume_is_empty_and_keeps_its_files(self, host: Host, encrypted: bool) -> None:
        volume = create(host.store, encrypted=encrypted)
        assert volume.encrypted is encrypted
        path = host.store.mount(volume)
        assert host.list_files(path) == []
        host.put_file(path, "guest", b"hello")
        host.store.unmount(volume.id)
        assert host.list_files(host.store.mount(volume)) == ["guest"]

    def test_mounting_twice_gives_the_same_folder(self, host: Host) -> None:
        volume = create(host.store, encrypted=True)
        assert host.store.mount(volume) == host.store.mount(volume)

    def test_unmounting_twice_and_unmounting_the_unknown_is_silent(self, host: Host) -> None:
        volume = create(host.store)
        host.store.mount(volume)
        host.store.unmount(volume.id)
        host.store.unmount(volume.id)
        host.store.unmount(new_id())

    def test_allocating_again_keeps_what_is_there(self, host: Host) -> None:
        volume = create(host.store)
        host.put_file(host.store.mount(volume), "guest", b"hello")
        host.store.allocate(volume.id, 1)
        assert host.list_files(host.store.mount(volume)) == ["guest"]

    def test_formatting_again_makes_it_empty(self, host: Host) -> None:
        volume = create(host.store, encrypted=True)
        host.put_file(host.store.mount(volume), "guest", b"hello")
        host.store.unmount(volume.id)
        host.store.format(volume)
        assert host.list_files(host.store.mount(volume)) == []

    def test_a_mounted_volume_with_files_is_not_formatted(self, host: Host) -> None:
        volume = create(host.store)
        path = host.store.mount(volume)
        host.put_file(path, "guest", b"hello")
        with pytest.raises(Conflict):
            host.store.format(volume)
        assert host.list_files(path) == ["guest"]

    def test_a_volume_of_another_size_is_not_made_of_an_existing_one(self, host: Host) -> None:
        volume = create(host.store)
        with pytest.raises(Conflict):
            host.store.allocate(volume.id, 2)
        host.store.mount(volume)

    def test_what_the_pool_cannot_hold_is_refused_and_leaves_nothing(self, host: Host) -> None:
        id = new_id()
        before = host.leftovers()
        with pytest.raises(NoCapacity):
            host.store.allocate(id, host.store.capacity_bytes() // GIB + 1)
        assert host.leftovers() == before
        host.store.allocate(id, 1)

    @pytest.mark.parametrize("encrypted", [False, True])
    def test_a_swapped_image_is_refused_and_changes_nothing(self, host: Host, encrypted: bool) -> None:
        mine, other = create(host.store, encrypted=encrypted), create(host.store, encrypted=encrypted)
        host.put_file(host.store.mount(mine), "guest", b"hello")
        host.store.unmount(mine.id)
        before = host.leftovers()
        host.swap_images(mine.id, other.id)
        with pytest.raises(WrongVolume):
            host.store.mount(mine)
        assert host.leftovers() == before
        host.swap_images(mine.id, other.id)
        assert host.list_files(host.store.mount(mine)) == ["guest"]

    def test_a_volume_without_a_file_system_is_refused(self, host: Host) -> None:
        volume = describe(host.store, new_id())
        host.store.allocate(volume.id, 1)
        before = host.leftovers()
        with pytest.raises(WrongVolume):
            host.store.mount(volume)
        assert host.leftovers() == before

    def test_a_missing_image_is_told_plainly(self, host: Host) -> None:
        with pytest.raises(Damaged, match="missing"):
            host.store.mount(describe(host.store, new_id()))
        assert host.leftovers() == []

    def test_another_key_does_not_open_it(self, host: Host) -> None:
        volume = create(host.store, encrypted=True)
        before = host.leftovers()
        stranger = describe(host.store, volume.id, encrypted=True)
        with pytest.raises(Damaged, match="key"):
            host.store.mount(stranger)
        assert host.leftovers() == before
        host.store.mount(volume)

    def test_the_key_of_another_volume_does_not_open_it(self, host: Host) -> None:
        mine, other = create(host.store, encrypted=True), create(host.store, encrypted=True)
        stolen = describe(host.store, mine.id, encrypted=True)
        object.__setattr__(stolen, "wrapped_key", other.wrapped_key)
        with pytest.raises(Damaged, match="key"):
            host.store.mount(stolen)

    def test_each_volume_has_its_own_key(self, host: Host) -> None:
        id = new_id()
        assert host.store.make_key(id) != host.store.make_key(id)

    def test_usage_is_known_while_it_is_mounted(self, host: Host) -> None:
        volume = create(host.store)
        assert host.store.observe_usage(volume.id) is None
        path = host.store.mount(volume)
        before = host.store.observe_usage(volume.id)
        host.put_file(path, "big", bytes(1 << 20))
        after = host.store.observe_usage(volume.id)
        assert before is not None and after is not None
        assert 0.9 * GIB < before.blocks * before.block_size <= GIB
        assert after.blocks == before.blocks
        assert before.blocks_free - after.blocks_free >= (1 << 20) // before.block_size
        host.store.unmount(volume.id)
        assert host.store.observe_usage(volume.id) is None

    @pytest.mark.parametrize("encrypted", [False, True])
    def test_an_extended_volume_has_its_files_and_its_space_at_the_latest_when_it_is_mounted_again(
        self, host: Host, encrypted: bool
    ) -> None:
        volume = create(host.store, encrypted=encrypted)
        host.put_file(host.store.mount(volume), "guest", b"hello")
        larger = replace(volume, size_gb=2)
        host.store.extend(volume.id, 2)
        host.store.extend(volume.id, 2)
        if host.store.grow(larger):
            host.store.unmount(volume.id)
        path = host.store.mount(larger)
        assert host.list_files(path) == ["guest"]
        usage = host.store.observe_usage(volume.id)
        assert usage.block_size * usage.blocks > 1.8 * GIB
        assert host.store.grow(larger) is False
        host.store.unmount(volume.id)
        assert host.list_files(host.store.mount(larger)) == ["guest"]

    def test_extending_beyond_the_pool_changes_nothing(self, host: Host) -> None:
        volume = create(host.store)
        kept = host.leftovers()
        with pytest.raises(NoCapacity):
            host.store.extend(volume.id, 100_000)
        assert host.leftovers() == kept
        host.store.mount(volume)

    def test_an_extension_that_is_taken_back_leaves_the_volume_as_it_was(self, host: Host) -> None:
        volume = create(host.store)
        host.put_file(host.store.mount(volume), "guest", b"hello")
        host.store.extend(volume.id, 2)
        for _ in range(2):
            host.store.cut_back(volume.id, 1)
        host.store.unmount(volume.id)
        assert host.list_files(host.store.mount(volume)) == ["guest"]

    def test_erasing_leaves_nothing_and_may_be_repeated(self, host: Host) -> None:
        volume = create(host.store, encrypted=True)
        host.store.erase(volume.id)
        assert host.leftovers() == []
        host.store.erase(volume.id)
        with pytest.raises(Damaged):
            host.store.mount(volume)

    def test_erasing_what_was_only_allocated_leaves_nothing(self, host: Host) -> None:
        id = new_id()
        host.store.allocate(id, 1)
        host.store.erase(id)
        assert host.leftovers() == []

    def test_records_tell_of_every_volume_without_its_machine(self, host: Host) -> None:
        volumes = sorted((create(host.store, encrypted=True), create(host.store)), key=lambda each: each.id)
        host.store.write_record(volumes[0])
        assert host.store.list_records() == volumes

    def test_an_encrypted_raw_volume_takes_luks_and_is_refused_without_it(self, host: Host) -> None:
        if host.store.choose_encryption(True, FileSystemKind.EXT4) is EncryptionKind.LUKS:
            assert host.store.choose_encryption(True, FileSystemKind.RAW) is EncryptionKind.LUKS
            return
        with pytest.raises(Invalid) as refused:
            host.store.choose_encryption(True, FileSystemKind.RAW)
        assert "--no-encryption" in str(refused.value.hint)

    def test_a_raw_volume_is_a_device_that_stays_until_it_is_unmounted(self, host: Host) -> None:
        volume = create(host.store, fstype=FileSystemKind.RAW)
        device = host.store.mount(volume)
        assert device.startswith("/dev/")
        assert host.store.mount(volume) == device
        assert host.store.observe_usage(volume.id) is None
        host.store.unmount(volume.id)
        host.store.unmount(volume.id)

    def test_a_scratch_is_empty_and_forgets_everything(self, host: Host) -> None:
        path = host.store.mount_scratch("m1", 0)
        assert host.list_files(path) == []
        host.put_file(path, "trace", b"secret")
        assert host.store.mount_scratch("m1", 0) == path
        assert host.list_files(path) == ["trace"]
        host.store.unmount_scratch("m1")
        assert host.leftovers() == []
        assert host.list_files(host.store.mount_scratch("m1", 0)) == []

    def test_scratches_are_apart_from_one_another(self, host: Host) -> None:
        one, other = host.store.mount_scratch("m1", 0), host.store.mount_scratch("m2", 0)
        host.put_file(one, "trace", b"x")
        assert host.list_files(other) == []

    def test_unmounting_a_scratch_twice_is_silent(self, host: Host) -> None:
        host.store.mount_scratch("m1", 0)
        host.store.unmount_scratch("m1")
        host.store.unmount_scratch("m1")

    @pytest.mark.parametrize("bad", ["../x", "", "vol_UPPERUPPERUPPER", "vol_short", "/etc"])
    def test_what_is_not_an_id_never_becomes_a_path(self, host: Host, bad: str) -> None:
        for verb in (host.store.unmount, host.store.erase):
            with pytest.raises(Invalid):
                verb(bad)
        with pytest.raises(Invalid):
            host.store.allocate(bad, 1)

    @pytest.mark.parametrize("bad", ["../x", "", "a/b", ".hidden"])
    def test_what_is_not_a_name_never_becomes_a_path(self, host: Host, bad: str) -> None:
        with pytest.raises(Invalid):
            host.store.mount_scratch(bad, 0)

    @pytest.mark.parametrize("encrypted", [False, True])
    def test_a_snapshot_is_the_volume_at_one_instant(self, host: Host, encrypted: bool) -> None:
        volume = create(host.store, encrypted=encrypted)
        path = host.store.mount(volume)
        host.put_file(path, "before", b"1")
        host.store.take_snapshot(origin_of(volume), "vs_0123456789abcdef")
        host.put_file(path, "after", b"2")
        copy = copy_of(host.store, volume, snapshot_id="vs_0123456789abcdef")
        assert host.list_files(host.store.mount(copy)) == ["before"]
        assert host.list_files(path) == ["after", "before"]

    def test_a_snapshot_that_is_there_is_not_taken_again(self, host: Host) -> None:
        volume = create(host.store)
        path = host.store.mount(volume)
        host.store.take_snapshot(origin_of(volume), "vs_0123456789abcdef")
        host.put_file(path, "after", b"2")
        host.store.take_snapshot(origin_of(volume), "vs_0123456789abcdef")
        copy = copy_of(host.store, volume, snapshot_id="vs_0123456789abcdef")
        assert host.list_files(host.store.mount(copy)) == []

    def test_a_fork_is_independent_and_survives_the_death_of_its_origin(self, host: Host) -> None:
        volume = create(host.store, encrypted=True)
        path = host.store.mount(volume)
        host.put_file(path, "common", b"1")
        fork = copy_of(host.store, volume)
        forked = host.store.mount(fork)
        host.put_file(forked, "of the fork", b"2")
        host.put_file(path, "of the origin", b"3")
        host.store.unmount(volume.id)
        host.store.erase(volume.id)
        host.store.unmount(fork.id)
        assert host.list_files(host.store.mount(fork)) == ["common", "of the fork"]

    def test_a_copy_may_be_larger_than_its_origin(self, host: Host) -> None:
        volume = create(host.store)
        larger = copy_of(host.store, volume, size_gb=2)
        host.store.mount(larger)
        usage = host.store.observe_usage(larger.id)
        assert usage.blocks * usage.block_size > GIB * 3 // 2

    def test_a_snapshot_survives_its_volume(self, host: Host) -> None:
        volume = create(host.store, encrypted=True)
        host.put_file(host.store.mount(volume), "kept", b"1")
        host.store.take_snapshot(origin_of(volume), "vs_0123456789abcdef")
        host.store.unmount(volume.id)
        host.store.erase(volume.id)
        copy = copy_of(host.store, volume, snapshot_id="vs_0123456789abcdef")
        assert host.list_files(host.store.mount(copy)) == ["kept"]

    def test_what_carries_another_identity_is_not_copied(self, host: Host) -> None:
        one, other = create(host.store), create(host.store)
        host.swap_images(one.id, other.id)
        copy = replace(one, id=new_id())
        with pytest.raises(WrongVolume):
            host.store.copy(copy, origin_of(one), None)
        host.store.erase(copy.id)

    def test_a_snapshot_holds_only_what_the_older_one_does_not(self, host: Host) -> None:
        volume = create(host.store)
        path = host.store.mount(volume)
        host.put_file(path, "large", bytes(range(256)) * 4096)
        host.store.take_snapshot(origin_of(volume), "vs_0123456789abcdef")
        host.put_file(path, "small", b"1" * 4096)
        host.store.take_snapshot(origin_of(volume), "vs_1123456789abcdef")
        first = host.store.held_bytes("vs_0123456789abcdef", None)
        second = host.store.held_bytes("vs_1123456789abcdef", "vs_0123456789abcdef")
        assert first >= MIB > second >= 4096
        assert host.store.held_bytes("vs_1123456789abcdef", None) >= first

    def test_erasing_snapshots_and_copies_leaves_nothing(self, host: Host) -> None:
        before = host.leftovers()
        volume = create(host.store, encrypted=True)
        host.store.take_snapshot(origin_of(volume), "vs_0123456789abcdef")
        copy = copy_of(host.store, volume, snapshot_id="vs_0123456789abcdef")
        host.store.erase_snapshot("vs_0123456789abcdef")
        host.store.erase_snapshot("vs_0123456789abcdef")
        host.store.erase(copy.id)
        host.store.erase(volume.id)
        assert host.leftovers() == before

    def test_a_missing_snapshot_is_named(self, host: Host) -> None:
        volume = create(host.store)
        with pytest.raises(Damaged, match="vs_0123456789abcdef"):
            copy_of(host.store, volume, snapshot_id="vs_0123456789abcdef")
