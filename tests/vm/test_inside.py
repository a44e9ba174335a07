"""Tests of the host rung, run in a guest: device-mapper and control groups of version 2 for real."""

from __future__ import annotations

from typing import Any

import pytest

from vm.jobs import Inside

DEVICE_MAPPER, CGROUP = "tests/vm/inside/device_mapper_cases.py", "tests/vm/inside/cgroup_cases.py"
STORE, SAFETY = "tests/host/test_volume_store.py", "tests/host/test_volume_safety.py"
CRASHES, RUNTIME = "tests/host/test_volume_crashes.py", "tests/host/test_machine_runtime.py"
POOLS = "tests/host/test_pool_kinds.py"
# Left out is what takes long without KVM and has nothing to do with encryption, device-mapper or control groups.
OLD = Inside(
    "6.1",
    (DEVICE_MAPPER, CGROUP, STORE, SAFETY, CRASHES, RUNTIME),
    "not full_volume and not synced_is_in_the_image and not clear_bytes and not scratch and not False"
    " and not a_log_is_kept and not long_line and not erase and not many_threads and not unmount"
    " and not by_hand and not overlay and not terminal and not identity and not twice",
)
NEW = Inside("6.12", (DEVICE_MAPPER, CGROUP, POOLS), "cases or KiB")
AT_LEAST = {DEVICE_MAPPER: 15, CGROUP: 3, STORE: 20, SAFETY: 15, CRASHES: 10, RUNTIME: 20, POOLS: 8}


@pytest.mark.parametrize(
    ("job", "file"), [pytest.param(job, file, id=f"{job.kernel}-{file}") for job in (OLD, NEW) for file in job.files]
)
def test_the_tests_of_the_host_rung_pass_inside(job: Inside, file: str, result: Any) -> None:
    tested = result[file]
    assert not tested.failures, "\n\n".join(tested.failures)
    assert not tested.skips, "\n".join(tested.skips)
    assert tested.passed >= AT_LEAST[file]
