"""Run inside the guest: machines on a host that has control groups of version 2 and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from caddis.kernel import cgroup, filesystem
from real_machines import RealMachines, temporary_machines

pytestmark = pytest.mark.host
CGROUP2 = 0x63677270


@pytest.fixture
def machines() -> Iterator[RealMachines]:
    with temporary_machines() as machines:
        yield machines


def test_this_host_has_version_2_alone() -> None:
    assert [(one.folder, set(one.controllers)) for one in cgroup.hierarchies()] == [("/sys/fs/cgroup", set())]
    assert filesystem.find_magic(Path("/sys/fs/cgroup")) == CGROUP2


def test_a_machines_limits_are_where_version_2_has_them(machines: RealMachines) -> None:
    machines.launch("sleep", "1000", memory_mb=48)
    limits = Path("/sys/fs/cgroup", machines.group).rglob("memory.max")
    (group,) = (path.parent for path in limits if path.read_text().strip() == str(48 << 20))
    assert group.joinpath("cgroup.procs").read_text().split()
    assert int(group.joinpath("pids.max").read_text()) > 0


def test_memory_is_a_limit_that_holds(machines: RealMachines) -> None:
    machines.launch("tail", "/dev/zero", memory_mb=32)
    report = machines.await_end()
    assert (report.code, report.signal, report.oom_killed) == (137, 9, True)
