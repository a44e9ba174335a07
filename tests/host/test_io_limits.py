"""I/O limits on the real kernel, which counts what a machine's control group has had done on the volume's device."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from typing import Any

import pytest

from caddis.domain.io_limits import UNLIMITED, IoLimits
from caddis.domain.sizes import MIB
from caddis.domain.volume import FileSystemKind
from caddis.kernel import cgroup
from caddis.machines.plan import Bind
from contracts.volumes_contract import create
from real_machines import RealMachines, temporary_machines
from real_store import temporary_host

pytestmark = pytest.mark.host

LIMIT = 100  # operations a second
BURST = LIMIT // 2  # the kernel counts in slices of a tenth of a second
READ = "dd if=/data/file of=/dev/null bs=4k iflag=direct"
WRITE = "dd if=/dev/zero of=/data/file bs=4k conv=notrunc oflag=direct"
WRITE_AND_SYNC = "sh -c 'while dd if=/dev/zero of=/data/file bs=4k count=1 conv=notrunc,fsync; do :; done'"


class Limited:
    """A machine with a volume at /data, and what it has done to that."""

    def __init__(self, machines: RealMachines, source: str, *, is_device: bool = False) -> None:
        self.machines, self.source, self.is_device = machines, source, is_device
        about = os.stat(source)
        number = about.st_rdev if is_device else about.st_dev
        self.device = os.major(number), os.minor(number)

    def launch(self, limits: IoLimits) -> None:
        bind = Bind(source=self.source, destination="/data", is_device=self.is_device, io_limits=limits)
        self.machines.launch("sleep", "1000", launch=time.monotonic_ns(), binds=(bind,))

    def count(self, command: str, seconds: int) -> tuple[int, float]:
        """Operations that it had done, and in how many seconds."""
        before, begun = cgroup.count_io(f"{self.machines.group}/m1", self.device), time.monotonic()
        said = self.machines.shell(f"timeout {seconds} {command}")
        assert said.exit_code in (0, 124, 143), said
        taken = time.monotonic() - begun
        return cgroup.count_io(f"{self.machines.group}/m1", self.device) - before, taken


@pytest.fixture(scope="module")
def store() -> Iterator[Any]:
    with temporary_host() as host:
        yield host.open()


@pytest.fixture
def limited(store: Any) -> Iterator[Limited]:
    volume = create(store)
    source = store.mount(volume)
    with open(f"{source}/file", "wb") as file:
        file.write(os.urandom(32 * MIB))
        os.fsync(file.fileno())
    try:
        with temporary_machines() as machines:
            yield Limited(machines, source)
    finally:
        store.unmount(volume.id)
        store.erase(volume.id)


@pytest.mark.parametrize("command", [READ, WRITE, WRITE_AND_SYNC], ids=["read", "write", "synchronous"])
def test_a_machine_does_no_more_operations_than_its_volume_allows(limited: Limited, command: str) -> None:
    limited.launch(IoLimits(iops=LIMIT, bandwidth=0))
    done, seconds = limited.count(command, 2)
    # a synchronous write to ext4 is a write and what the journal makes of it: those are counted all alike
    assert 0 < done <= LIMIT * seconds + BURST, (done, seconds)


def test_without_a_limit_it_does_far_more(limited: Limited) -> None:
    limited.launch(UNLIMITED)
    done, seconds = limited.count(READ, 2)
    assert done > 10 * LIMIT * seconds or done == 32 * MIB // 4096, (done, seconds)


def test_bytes_are_limited_too(limited: Limited) -> None:
    limited.launch(IoLimits(iops=0, bandwidth=MIB))
    begun = time.monotonic()
    limited.machines.shell("dd if=/data/file of=/dev/null bs=64k count=48 iflag=direct")  # 3 MiB
    assert time.monotonic() - begun > 2


def test_a_limit_changes_while_the_machine_runs(limited: Limited) -> None:
    limited.launch(UNLIMITED)
    limited.machines.runtime.limit_io("m1", "/data", IoLimits(iops=LIMIT, bandwidth=0))
    done, seconds = limited.count(READ, 2)
    assert done <= LIMIT * seconds + BURST
    limited.machines.runtime.limit_io("m1", "/data", UNLIMITED)
    assert limited.count(READ, 2)[0] > 3 * done


def test_another_agent_can_change_it_and_one_that_does_not_run_is_passed_over(limited: Limited) -> None:
    limited.launch(UNLIMITED)
    limited.machines.another_runtime().limit_io("m1", "/data", IoLimits(iops=LIMIT, bandwidth=0))
    done, seconds = limited.count(READ, 1)
    assert done <= LIMIT * seconds + BURST
    limited.machines.runtime.kill_all("m1")
    limited.machines.await_end()
    limited.machines.runtime.limit_io("m1", "/data", UNLIMITED)
    limited.machines.runtime.limit_io("m2", "/data", UNLIMITED)


def test_a_raw_volume_is_limited_by_its_device(store: Any) -> None:
    volume = create(store, fstype=FileSystemKind.RAW)
    try:
        with temporary_machines() as machines:
            raw = Limited(machines, store.mount(volume), is_device=True)
            raw.launch(IoLimits(iops=LIMIT, bandwidth=0))
            folder = cgroup.folder_of(f"{machines.group}/m1", "blkio")
            said = [path.read_text() for path in folder.glob("*io*") if path.name.endswith(("iops_device", "io.max"))]
            numbers = ":".join(map(str, raw.device))
            assert any(numbers in text and str(LIMIT) in text for text in said), said
    finally:
        store.unmount(volume.id)
        store.erase(volume.id)
