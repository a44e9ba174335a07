"""What every kind of pool must do (volumes/pool.py), whatever it is made of."""

from __future__ import annotations

import os

import pytest

from caddis.domain.errors import Conflict, Damaged, NoCapacity
from caddis.domain.sizes import GIB, MIB
from caddis.volumes.pool import Pool


def read_device(path: str, offset: int, count: int) -> bytes:
    fd = os.open(path, os.O_RDONLY)
    try:
        return os.pread(fd, count, offset)
    finally:
        os.close(fd)


def write_device(path: str, offset: int, content: bytes) -> None:
    fd = os.open(path, os.O_RDWR)
    try:
        os.pwrite(fd, content, offset)
        os.fsync(fd)
    finally:
        os.close(fd)


def device_size(path: str) -> int:
    fd = os.open(path, os.O_RDONLY)
    try:
        return os.lseek(fd, 0, os.SEEK_END)
    finally:
        os.close(fd)


class PoolContract:
    """Mix into a test class with a fixture `pool`, which has room for two to ten slices of 1 GB."""

    def test_a_slice_has_exactly_its_size(self, pool: Pool) -> None:
        pool.allocate("volumes/a", GIB)
        assert pool.size_of("volumes/a") == GIB
        with pool.opened("volumes/a") as device:
            assert device_size(device) == 1_073_741_824

    def test_a_pool_keeps_its_promise_to_the_last_byte_and_promises_no_more(self, pool: Pool) -> None:
        capacity = pool.capacity_bytes()
        names = [f"volumes/full{number}" for number in range(capacity // GIB)]
        for name in names:
            pool.allocate(name, GIB)
            pool.sidecar(name, ".json").write_bytes(b"r" * 1000)
        rest = capacity - GIB * len(names)
        pool.allocate("volumes/rest", rest // MIB * MIB)
        with pytest.raises(NoCapacity):
            pool.allocate("volumes/more", GIB)
        assert not pool.has("volumes/more")
        for name in [*names, "volumes/rest"]:
            pool.erase(name)
        pool.allocate("volumes/again", GIB)

    def test_the_space_of_an_erased_slice_is_there_at_once(self, pool: Pool) -> None:
        names = [f"volumes/full{number}" for number in range(pool.capacity_bytes() // GIB)]
        for name in names:
            pool.allocate(name, GIB)
        for _ in range(10):
            pool.erase(names[0])
            pool.allocate(names[0], GIB)

    def test_allocating_again_keeps_the_bytes(self, pool: Pool) -> None:
        pool.allocate("volumes/a", GIB)
        with pool.opened("volumes/a") as device:
            write_device(device, 4096, b"x" * 4096)
        pool.allocate("volumes/a", GIB)
        with pool.opened("volumes/a") as device:
            assert read_device(device, 4096, 4096) == b"x" * 4096
        with pytest.raises(Conflict):
            pool.allocate("volumes/a", 2 * GIB)

    def test_a_new_slice_shows_nothing_of_an_erased_one(self, pool: Pool) -> None:
        pool.allocate("volumes/a", GIB)
        with pool.opened("volumes/a") as device:
            write_device(device, 0, b"secret" * 1000)
        pool.erase("volumes/a")
        pool.allocate("volumes/b", GIB)
        with pool.opened("volumes/b") as device:
            assert not any(read_device(device, 0, MIB))

    def test_a_blanked_slice_is_zero_everywhere(self, pool: Pool) -> None:
        pool.allocate("volumes/a", GIB)
        with pool.opened("volumes/a") as device:
            write_device(device, GIB - 4096, b"x" * 4096)
        pool.blank("volumes/a")
        with pool.opened("volumes/a") as device:
            assert not any(read_device(device, GIB - 4096, 4096))

    def test_a_clone_has_the_bytes_and_a_life_of_its_own(self, pool: Pool) -> None:
        pool.make_sparse("templates/t", GIB)
        with pool.opened("templates/t") as device:
            write_device(device, 0, b"origin")
        pool.clone("templates/t", "scratch/one")
        with pool.opened("scratch/one") as device:
            assert read_device(device, 0, 6) == b"origin"
            write_device(device, 0, b"clone!")
        with pool.opened("templates/t") as device:
            assert read_device(device, 0, 6) == b"origin"
        pool.clone("templates/t", "scratch/one")
        with pool.opened("scratch/one") as device:
            assert read_device(device, 0, 6) == b"origin"

    def test_a_published_slice_has_its_new_name_only(self, pool: Pool) -> None:
        pool.make_sparse("templates/t.new", GIB)
        pool.publish("templates/t.new", "templates/t")
        assert pool.list_names("templates") == ["templates/t"]

    def test_opening_twice_shows_the_same_device(self, pool: Pool) -> None:
        pool.allocate("volumes/a", GIB)
        with pool.opened("volumes/a") as one, pool.opened("volumes/a") as other:
            assert one == other
            assert pool.is_device_of(os.stat(one).st_rdev, "volumes/a")
            assert not pool.close_device("volumes/a", patience=0)
        assert pool.close_device("volumes/a", patience=2)

    def test_a_persistent_device_stays_until_it_is_closed(self, pool: Pool) -> None:
        pool.allocate("volumes/a", GIB)
        with pool.opened("volumes/a", persistent=True) as device:
            pass
        assert pool.is_device_of(os.stat(device).st_rdev, "volumes/a")
        assert pool.close_device("volumes/a", patience=2)
        assert not pool.is_device_of(os.stat(device).st_rdev, "volumes/a")

    def test_a_device_that_is_in_use_closes_when_that_ends(self, pool: Pool) -> None:
        pool.allocate("volumes/a", GIB)
        with pool.opened("volumes/a", persistent=True) as device:
            fd = os.open(device, os.O_RDONLY)
        assert not pool.close_device("volumes/a", patience=0)
        os.close(fd)
        assert pool.close_device("volumes/a", patience=2)

    def test_a_missing_slice_is_told_plainly(self, pool: Pool) -> None:
        assert not pool.has("volumes/none")
        assert pool.close_device("volumes/none", patience=0)
        with pytest.raises(Damaged, match="missing"):
            pool.size_of("volumes/none")
        with pytest.raises(Damaged, match="missing"):
            with pool.opened("volumes/none"):
                pass

    def test_erasing_takes_the_sidecars_along_and_may_be_repeated(self, pool: Pool) -> None:
        pool.allocate("volumes/a", GIB)
        record = pool.sidecar("volumes/a", ".json")
        record.write_bytes(b"{}")
        pool.erase("volumes/a")
        pool.erase("volumes/a")
        assert not record.exists()
        assert pool.list_names("volumes") == []
