"""Run inside the guest: LUKS volumes and what only a kernel with device-mapper and all rights can show."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from caddis.domain.errors import Damaged, Missing
from caddis.domain.ids import filesystem_uuid
from caddis.domain.sizes import GIB
from caddis.domain.snapshot import origin_of
from caddis.domain.volume import EncryptionKind, FileSystemKind
from caddis.kernel import luks, mount
from caddis.volumes.pool import PoolChoice
from contracts.volumes_contract import create, describe, new_id
from host.test_pool_kinds import disk
from real_store import POOL_BYTES, RealHost, list_loops, list_mapped, temporary_host

pytestmark = pytest.mark.host
KINDS = (EncryptionKind.LUKS, EncryptionKind.FSCRYPT, EncryptionKind.NONE)


@pytest.fixture
def host() -> Iterator[RealHost]:
    with temporary_host() as host:
        host.open()
        yield host


def mapping(volume_id: str) -> Path:
    return luks.path_of(f"caddis-{volume_id}")


def fill(path: str) -> None:
    with open(Path(path) / "guest", "wb") as file:
        file.write(b"hello")
        os.fsync(file.fileno())


def test_this_host_encrypts_with_luks(host: RealHost) -> None:
    for fstype in FileSystemKind:
        assert host.store.choose_encryption(True, fstype) is EncryptionKind.LUKS


def test_a_luks_volume_has_exactly_its_size_and_says_who_it_is(host: RealHost) -> None:
    volume = create(host.store, encrypted=True)
    path = host.store.mount(volume)
    device = mapping(volume.id)
    with device.open("rb") as file:
        assert file.seek(0, os.SEEK_END) == GIB
    assert os.stat(path).st_dev == os.stat(device).st_rdev
    header = host.image(volume.id).with_suffix(".luks")
    assert header.stat().st_size == luks.HEADER_BYTES
    shown = subprocess.run(["cryptsetup", "luksDump", str(header)], capture_output=True, text=True, check=True).stdout
    assert filesystem_uuid(volume.id) in shown
    assert re.search(r"cipher: +aes-xts-plain64", shown)
    host.store.unmount(volume.id)
    assert (list_mapped(host.run), list_loops(host.run)) == ([], [])


def test_a_luks_file_system_has_nothing_to_repair(host: RealHost) -> None:
    volume = create(host.store, encrypted=True)
    fill(host.store.mount(volume))
    with mapping(volume.id).open("rb"):  # so that the mapping stays
        assert mount.unmount(host.run / "volumes" / volume.id, patience=5)
        checked = subprocess.run(["e2fsck", "-f", "-n", str(mapping(volume.id))], capture_output=True, text=True)
        assert checked.returncode == 0, checked.stdout
    host.store.unmount(volume.id)
    raw = subprocess.run(["e2fsck", "-f", "-n", str(host.image(volume.id))], capture_output=True, text=True)
    assert raw.returncode == 8  # nothing readable below the mapping


def test_a_luks_volume_does_not_open_with_another_key_or_without_its_header(host: RealHost) -> None:
    volume, other = create(host.store, encrypted=True), create(host.store, encrypted=True)
    header = host.image(volume.id).with_suffix(".luks")
    theirs = host.image(other.id).with_suffix(".luks").read_bytes()
    mine = header.read_bytes()
    header.write_bytes(theirs)
    with pytest.raises(Damaged, match="key"):
        host.store.mount(volume)
    header.unlink()
    with pytest.raises(Damaged, match="header"):
        host.store.mount(volume)
    assert (list_mapped(host.run), list_loops(host.run)) == ([], [])
    header.write_bytes(mine)
    host.store.mount(volume)


@pytest.mark.parametrize("kind", KINDS)
def test_a_mounted_volume_grows_at_once(host: RealHost, kind: EncryptionKind) -> None:
    volume = create(host.store, kind=kind)
    path = host.store.mount(volume)
    fill(path)
    host.store.extend(volume.id, 2)
    assert host.store.grow(replace(volume, size_gb=2)) is False  # needs_restart
    about = os.statvfs(path)
    assert about.f_blocks * about.f_frsize > 1.9 * GIB
    assert (Path(path) / "guest").read_bytes() == b"hello"
    host.store.unmount(volume.id)
    host.store.mount(replace(volume, size_gb=2))


@pytest.mark.parametrize("kind", KINDS)
def test_a_volume_that_grew_while_closed_is_whole_at_the_next_mount(host: RealHost, kind: EncryptionKind) -> None:
    volume = create(host.store, kind=kind)
    fill(host.store.mount(volume))
    host.store.unmount(volume.id)
    host.store.extend(volume.id, 2)
    path = host.store.mount(replace(volume, size_gb=2))
    about = os.statvfs(path)
    assert about.f_blocks * about.f_frsize > 1.9 * GIB
    assert (Path(path) / "guest").read_bytes() == b"hello"


@pytest.mark.parametrize("kind", KINDS)
def test_a_snapshot_under_a_writer_becomes_a_volume(host: RealHost, kind: EncryptionKind) -> None:
    volume = create(host.store, kind=kind)
    path = host.store.mount(volume)
    fill(path)
    origin = origin_of(volume)
    host.store.take_snapshot(origin, "vs_0123456789abcdef")
    (Path(path) / "guest").write_bytes(b"later")
    copy = describe(host.store, new_id(), kind=kind)
    copy = replace(copy, wrapped_key=host.store.rewrap_key(origin, copy.id))
    host.store.copy(copy, origin, "vs_0123456789abcdef")
    assert (Path(host.store.mount(copy)) / "guest").read_bytes() == b"hello"
    host.store.unmount(volume.id)
    assert (Path(host.store.mount(volume)) / "guest").read_bytes() == b"later"
    for id in (volume.id, copy.id):
        host.store.unmount(id)
    host.store.erase_snapshot("vs_0123456789abcdef")


def test_an_encrypted_raw_volume_is_a_mapping_that_keeps_its_bytes(host: RealHost) -> None:
    volume = create(host.store, encrypted=True, fstype=FileSystemKind.RAW)
    device = host.store.mount(volume)
    assert device == str(mapping(volume.id))
    with open(device, "r+b") as file:
        file.write(b"secret-of-raw" + bytes(4083))
        os.fsync(file.fileno())
    host.store.unmount(volume.id)
    assert (list_mapped(host.run), list_loops(host.run)) == ([], [])
    with open(host.image(volume.id), "rb") as image:
        assert b"secret-of-raw" not in image.read(1 << 20)
    with open(host.store.mount(volume), "rb") as file:
        assert file.read(13) == b"secret-of-raw"


def test_blocks_of_64_kib_are_taken_or_plainly_refused_before_anything_is_lost() -> None:
    has_them = tuple(map(int, os.uname().release.split(".")[:2])) >= (6, 12)
    with temporary_host() as host, disk(host.data.parent / "outside") as device:
        for choice in (
            PoolChoice(size_bytes=POOL_BYTES, block_size=65536),
            PoolChoice(where=device, format_device=True, block_size=65536),
        ):
            host.choice = choice
            if not has_them:
                with pytest.raises(Missing, match="64 KiB") as refused:
                    host.open()
                assert refused.value.hint is not None and "6.12" in refused.value.hint
                assert not (host.data / "pool.img").exists()
                with device.open("rb") as file:
                    assert not any(file.read(1 << 20))
                continue
            store = host.open()
            assert os.statvfs(host.run / "pool").f_bsize == 65536
            volume = create(store, encrypted=True)
            fill(store.mount(volume))
            store.take_snapshot(origin_of(volume), "vs_0123456789abcdef")
            store.unmount(volume.id)
            assert (Path(store.mount(volume)) / "guest").read_bytes() == b"hello"
            store.unmount(volume.id)
            store.close()
