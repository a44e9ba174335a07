"""What guests are started for: tests of the host rung inside one, and power cuts. Each is a value."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass, field
from pathlib import Path

from caddis.kernel.command import command, run
from vm.disks import sparse
from vm.guest import Disk, Guest
from vm.power import Run, cut_power
from vm.recipe import Parts

_WORK_BYTES = 24 << 30
_REPORT = "=== report ==="
_DEADLINE = 1500.0


@dataclass(frozen=True)
class Tested:
    """What a file's tests came to inside a guest; `failures` and `skips` with their text."""

    passed: int = 0
    failures: tuple[str, ...] = ()
    skips: tuple[str, ...] = ()


@dataclass(frozen=True)
class Inside:
    """Tests of these files, run by pytest inside a guest with this kernel; `chosen` as pytest's -k has it."""

    kernel: str
    files: tuple[str, ...]
    chosen: str = ""

    def run(self, parts: Parts, accelerator: str, folder: Path) -> dict[str, Tested]:
        """By file."""
        with sparse(folder / "work", _WORK_BYTES) as disk:
            run(command("mke2fs", "-q", "-F", "-t", "ext4", "-E", "lazy_itable_init=1,nodiscard", str(disk)))
            choice = f"-k '{self.chosen}'" if self.chosen else ""
            job = (
                "mount /dev/vdd /srv/work; export TMPDIR=/srv/work\n"
                "python3 -m pytest -p no:cacheprovider --tb=short --junitxml=/tmp/report.xml"
                f" {choice} {' '.join(self.files)}\n"
                f"status=$?; echo; echo '{_REPORT}'; cat /tmp/report.xml; exit $status"
            )
            outcome = Guest(parts, self.kernel, accelerator).do(job, disks=[Disk(disk)], deadline=_DEADLINE, cpus=1)
        _said, found, report = outcome.output.rpartition(_REPORT)
        assert found and outcome.status in (0, 1), f"the tests inside did not come to their end:\n{outcome}"
        return {file: _count(report, file) for file in self.files}


@dataclass(frozen=True)
class PowerCuts:
    """Cuts of one recorded guest; see vm/power.py. `pool` is "nested" (an image on ext4) or "disk"."""

    kernel: str
    pool: str
    block_size: int
    seed: int = field(default=1)

    def run(self, parts: Parts, accelerator: str, folder: Path) -> Run:
        return cut_power(Guest(parts, self.kernel, accelerator), self.pool, self.block_size, folder, seed=self.seed)

    def __str__(self) -> str:
        return f"{self.kernel}, {self.pool}, {self.block_size >> 10}k"


def _count(report: str, file: str) -> Tested:
    module = file.removesuffix(".py").replace("/", ".")
    tested = Tested()
    for case in ElementTree.fromstring(report.strip()).iter("testcase"):
        name, owner = case.get("name", ""), case.get("classname", "")
        if owner != module and not owner.startswith(f"{module}."):  # a class in it
            continue
        text = [f"{name}\n{child.get('message')}\n{child.text}" for child in case if child.tag in ("failure", "error")]
        skip = [f"{name}: {child.get('message')}" for child in case if child.tag == "skipped"]
        passed = tested.passed + (not text and not skip)
        tested = Tested(passed, tested.failures + tuple(text), tested.skips + tuple(skip))
    return tested
