"""Pools made of an image file, a block device and a folder; what is refused as a pool, and what is never erased."""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from caddis.domain.errors import Conflict, Damaged, Invalid, Missing, NoCapacity
from caddis.domain.sizes import GIB, MIB
from caddis.domain.snapshot import origin_of
from caddis.kernel import loop, mount
from caddis.volumes.opening import MARKER, open_pool
from caddis.volumes.pool import Pool, PoolChoice
from caddis.volumes.store import VolumeStore, open_store
from contracts.pool_contract import PoolContract
from contracts.volumes_contract import create
from real_store import POOL_BYTES, RealHost, list_loops, list_mounts, temporary_host

pytestmark = pytest.mark.host


@pytest.fixture
def host() -> Iterator[RealHost]:
    with temporary_host() as host:
        yield host


@contextmanager
def disk(folder: Path, size: int = POOL_BYTES) -> Iterator[Path]:
    """A block device of one's own: a loop device on a sparse file."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "disk"
    with open(path, "wb") as file:
        file.truncate(size)
    fd = os.open(path, os.O_RDWR)
    try:
        with loop.attached(fd, autoclear=True) as device:
            yield Path(device)
    finally:
        os.close(fd)


@contextmanager
def mounted_disk(folder: Path, *mkfs: str) -> Iterator[Path]:
    """A freshly made file system, mounted."""
    with disk(folder) as device:
        subprocess.run([*mkfs, str(device)], check=True, capture_output=True)
        target = folder / "mounted"
        target.mkdir()
        mount.mount(str(device), target, mkfs[0].removeprefix("mkfs."))
    try:
        yield target
    finally:
        assert mount.unmount(target, patience=5)


def open_or_skip(host: RealHost) -> VolumeStore:
    try:
        return host.open()
    except Missing as refusal:
        pytest.skip(f"{refusal.message} (Linux 6.12 and newer can; the vm rung has one)")


@pytest.fixture(params=["image", "image with blocks of 64 KiB", "device", "folder"])
def any_pool(request: pytest.FixtureRequest) -> Iterator[Pool]:
    with temporary_host() as host:
        outside = host.data.parent / "outside"
        match request.param:
            case "image":
                yield host.open().pool
            case "image with blocks of 64 KiB":
                host.choice = PoolChoice(size_bytes=POOL_BYTES, block_size=65536)
                store = open_or_skip(host)
                assert os.statvfs(host.run / "pool").f_bsize == 65536
                yield store.pool
            case "device":
                with disk(outside) as device:
                    host.choice = PoolChoice(where=device, format_device=True)
                    store = host.open()
                    yield store.pool
                    store.close()
            case "folder":
                with mounted_disk(outside, "mkfs.xfs") as folder:
                    host.choice = PoolChoice(where=folder)
                    store = host.open()
                    yield store.pool
                    store.close()


class TestPools(PoolContract):
    @pytest.fixture
    def pool(self, any_pool: Pool) -> Pool:
        return any_pool


def test_the_default_pool_is_all_allocated_before_it_promises_anything(host: RealHost) -> None:
    store = host.open()
    image = os.stat(host.data / "pool.img")
    assert image.st_size == POOL_BYTES
    assert image.st_blocks * 512 >= POOL_BYTES
    assert POOL_BYTES - 300 * MIB < store.capacity_bytes() < POOL_BYTES


def test_a_pool_larger_than_the_disk_is_refused_and_leaves_nothing(host: RealHost) -> None:
    host.choice = PoolChoice(size_bytes=1 << 50)
    with pytest.raises(NoCapacity, match="no room"):
        host.open()
    assert os.listdir(host.data) == []
    assert list_mounts(host.run) == []


def test_a_pool_too_small_for_one_volume_is_refused(host: RealHost) -> None:
    host.choice = PoolChoice(size_bytes=GIB)
    with pytest.raises(Invalid, match="too small"):
        host.open()


def test_the_smallest_pool_holds_a_volume(host: RealHost) -> None:
    host.choice = PoolChoice(size_bytes=5 * GIB // 4)
    store = host.open()
    assert store.capacity_bytes() >= GIB
    store.mount(create(store))


def test_a_pool_is_adopted_while_it_is_mounted_and_mounted_again_after_a_reboot(host: RealHost) -> None:
    store = host.open()
    volume = create(store, encrypted=True)
    path = store.mount(volume)
    host.put_file(path, "guest", b"hello")
    again = host.open()
    assert list_mounts(host.run).count(str(host.run / "pool")) == 1
    assert again.mount(volume) == path
    again.unmount(volume.id)
    again.close()
    assert list_mounts(host.run) == []  # as after a reboot
    after = host.open()
    assert host.list_files(after.mount(volume)) == ["guest"]
    assert after.capacity_bytes() == store.capacity_bytes()


def test_a_pool_with_open_volumes_is_not_closed(host: RealHost) -> None:
    store = host.open()
    volume = create(store)
    path = store.mount(volume)
    with pytest.raises(Conflict, match="in use"):
        store.close()
    assert store.mount(volume) == path


def test_a_foreign_mount_where_the_pool_belongs_is_refused(host: RealHost) -> None:
    target = host.run / "pool"
    target.mkdir(parents=True)
    mount.mount("tmpfs", target, "tmpfs")
    try:
        with pytest.raises(Conflict, match="something else"):
            host.open()
    finally:
        mount.unmount(target, patience=1)


def test_another_hosts_pool_is_refused(host: RealHost) -> None:
    host.open().close()
    with pytest.raises(Conflict, match="belongs to host h1"):
        open_pool(host.choice, host="h2", data=host.data, run_folder=host.run)


def test_a_pool_without_its_marker_is_not_used(host: RealHost) -> None:
    host.open()
    marker = host.run / "pool" / MARKER
    content = marker.read_bytes()
    marker.write_bytes(b"{")
    with pytest.raises(Damaged, match="cannot be read"):
        host.open()
    marker.unlink()
    with pytest.raises(Damaged, match="not a whole"):
        host.open()
    marker.write_bytes(content)
    assert json.loads(content)["host"] == "h1"


def test_a_block_device_is_formatted_only_when_that_was_said(host: RealHost) -> None:
    with disk(host.data.parent / "outside") as device:
        with open(device, "r+b") as file:
            file.write(b"someone's data")
        host.choice = PoolChoice(where=device)
        with pytest.raises(Invalid, match="erase what is on it") as refused:
            host.open()
        assert "--format-pool" in str(refused.value.hint)
        with open(device, "rb") as file:
            assert file.read(14) == b"someone's data"
        host.choice = PoolChoice(where=device, format_device=True)
        store = host.open()
        volume = create(store)
        host.put_file(store.mount(volume), "guest", b"hello")
        store.unmount(volume.id)
        store.close()
        again = host.open()  # the word is still there, and must not erase a pool
        assert host.list_files(again.mount(volume)) == ["guest"]
        again.unmount(volume.id)
        again.close()
        host.choice = PoolChoice(where=device)
        reopened = host.open()
        assert reopened.list_records() == [volume]
        reopened.close()


def test_a_block_device_in_use_is_never_formatted(host: RealHost) -> None:
    with disk(host.data.parent / "outside") as device:
        subprocess.run(["mkfs.ext4", "-q", str(device)], check=True)
        target = host.data.parent / "theirs"
        target.mkdir()
        mount.mount(str(device), target, "ext4")
        host.choice = PoolChoice(where=device, format_device=True)
        with pytest.raises(Conflict, match="in use"):
            host.open()
        assert mount.unmount(target, patience=5)


def test_a_disk_with_sectors_of_4096_bytes_gets_direct_io_too(host: RealHost) -> None:
    with disk(host.data.parent / "outside") as device:
        subprocess.run(["blockdev", "--flushbufs", str(device)], check=True)
        fd = os.open(device, os.O_RDWR)
        fcntl.ioctl(fd, 0x4C09, 4096)  # LOOP_SET_BLOCK_SIZE
        os.close(fd)
        host.choice = PoolChoice(where=device, format_device=True)
        store = host.open()
        volume = create(store)
        store.mount(volume)
        number = os.minor(os.stat(host.run / "volumes" / volume.id).st_dev)
        assert Path(f"/sys/block/loop{number}/loop/dio").read_text().strip() == "1"
        store.unmount(volume.id)
        store.close()


def test_a_folder_pool_keeps_to_its_own_corner_and_shares_fairly(host: RealHost) -> None:
    with mounted_disk(host.data.parent / "outside", "mkfs.xfs") as folder:
        (folder / "theirs").write_bytes(bytes(100 * MIB))
        host.choice = PoolChoice(where=folder)
        store = host.open()
        before = store.capacity_bytes()
        volume = create(store)
        assert abs(store.capacity_bytes() - before) < 2 * MIB
        assert sorted(os.listdir(folder)) == ["caddis", "theirs"]
        assert host.open().list_records() == [volume]
        (folder / "theirs2").write_bytes(bytes(100 * MIB))
        os.sync()
        assert store.capacity_bytes() < before - 90 * MIB
        store.close()


@pytest.mark.parametrize(
    ("mkfs", "why"),
    [
        (("mkfs.ext4", "-q"), "is on ext4, which cannot clone files"),
        (("mkfs.xfs", "-m", "reflink=0"), "without reflink"),
    ],
)
def test_a_folder_that_cannot_clone_is_refused(host: RealHost, mkfs: tuple[str, ...], why: str) -> None:
    with mounted_disk(host.data.parent / "outside", *mkfs) as folder:
        with pytest.raises(Invalid, match=why):
            open_store(PoolChoice(where=folder), host="h1", data=host.data, run=host.run)
        assert "caddis" not in os.listdir(folder)


@pytest.mark.parametrize("where", ["/dev/null", "/nonexistent/pool", "/etc/passwd"])
def test_what_cannot_be_a_pool_is_refused(host: RealHost, where: str) -> None:
    with pytest.raises(Invalid):
        open_store(PoolChoice(where=Path(where)), host="h1", data=host.data, run=host.run)


def test_a_missing_wrapping_key_is_never_replaced_while_volumes_need_it(host: RealHost) -> None:
    store = host.open()
    volume = create(store, encrypted=True)
    key = host.data / "wrapping.key"
    assert key.stat().st_mode & 0o777 == 0o600
    aside = key.rename(host.data / "aside")
    with pytest.raises(Damaged, match="wrapping key"):
        host.open()
    assert not key.exists()
    aside.rename(key)
    host.open().mount(volume)


def test_nothing_of_a_pool_is_left_after_it_is_closed(host: RealHost) -> None:
    store = host.open()
    assert list_loops(host.data) != []
    store.close()
    assert list_loops(host.data) == []
    assert list_mounts(host.run) == []
    store.close()


@pytest.mark.parametrize("block_size", [4096, 65536])
def test_a_volume_is_mounted_again_after_a_snapshot(host: RealHost, block_size: int) -> None:
    host.choice = PoolChoice(size_bytes=POOL_BYTES, block_size=block_size)
    store = open_or_skip(host)
    volume = create(store)
    host.put_file(store.mount(volume), "guest", b"hello")
    store.take_snapshot(origin_of(volume), "vs_0123456789abcdef")
    store.unmount(volume.id)
    assert host.list_files(store.mount(volume)) == ["guest"]


def test_the_size_of_blocks_of_a_folder_is_not_ours_to_choose(host: RealHost) -> None:
    host.choice = PoolChoice(where=host.data.parent, block_size=65536)
    with pytest.raises(Invalid, match="blocks of the file system"):
        host.open()
