"""I/O limits from the command line to the kernel: as Fly's by size, and one volume's own, at once."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from caddis.admin.installation import Installation
from caddis.kernel import cgroup
from real_calls import Calls
from real_up import left_behind, running

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def calls() -> Iterator[Calls]:
    with running("--io-limits", "fly", hosts=1, pool_size="4G") as up:
        calls = Calls(up, "rationed")
        yield calls
        calls.close()
    assert left_behind(up.data) == []


def _limits(calls: Calls, machine: str) -> set[int]:
    """Every number that the kernel has for the machine's control group, of either version."""
    group = f"caddis-{Installation(calls.up.data).id}-h1/{machine}"
    folder = cgroup.folder_of(group, "blkio")
    names = [
        path for path in folder.glob("*") if re.fullmatch(r"blkio.throttle.\w+_(bps|iops)_device|io.max", path.name)
    ]
    said = " ".join(path.read_text() for path in names)
    return {int(number) for number in re.findall(r"(?<![:\d])\d+(?![:\d])", said)}


def test_limits_are_flys_until_the_volume_says_otherwise(calls: Calls, tmp_path: Path) -> None:
    volume = calls.make_volume()
    machine = calls.make_machine("sleep 1000", volume=volume)
    calls.await_state(machine, "started")
    assert _limits(calls, machine) == {4000, 16 << 20}
    words = ("volumes", "update", volume, "-a", "rationed")
    said = calls.up.fly(*words, "--iops", "123", "--bandwidth", "off", folder=tmp_path)
    assert re.search(r"Max IOPS: *123", said) and re.search(r"Max bandwidth: *no limit", said)
    assert _limits(calls, machine) == {123}
    calls.ok("POST", f"/machines/{machine}/stop")
    calls.await_state(machine, "stopped")
    calls.ok("POST", f"/machines/{machine}/start")
    calls.await_state(machine, "started")
    assert _limits(calls, machine) == {123}
    shown = json.loads(calls.up.fly("volumes", "show", volume, "-a", "rationed", "--json", folder=tmp_path))
    assert shown["io_limits"] == {"iops": 123, "bandwidth": 0}
    calls.up.fly(*words, "--iops", "default", "--bandwidth", "default", folder=tmp_path)
    assert _limits(calls, machine) == {4000, 16 << 20}
    assert "io_limits" not in calls.ok("GET", f"/volumes/{volume}")
    refused = calls.up.fly(*words, "--iops", "0", folder=tmp_path, code=1)
    assert "not a number of operations" in refused
