"""The power goes while volumes are written to, snapshotted and extended, and nothing that was acknowledged is lost."""

from __future__ import annotations

import pytest

from vm.jobs import PowerCuts
from vm.power import Run

JOBS = [  # blocks of 64 KiB take Linux 6.12; every job has a volume of each kind: luks, fscrypt and none
    PowerCuts("6.1", "nested", 4096),
    PowerCuts("6.12", "nested", 65536),
    PowerCuts("6.1", "disk", 4096),
    PowerCuts("6.12", "disk", 65536),
]
every_job = pytest.mark.parametrize("job", JOBS, ids=str)


@every_job
def test_after_a_power_cut_every_acknowledged_write_is_there_and_file_systems_are_clean(
    job: PowerCuts, result: Run
) -> None:
    told = [f"{cut}\n  " + "\n  ".join(cut.problems) for cut in result.cuts if cut.problems]
    assert not told, "\n".join(told)


@every_job
def test_the_cuts_took_something_away(job: PowerCuts, result: Run) -> None:
    assert result.rounds > 30
    assert sum(cut.cut.dropped > 0 for cut in result.cuts) >= len(result.cuts) // 2


@every_job
def test_control_what_was_not_synced_is_lost(job: PowerCuts, result: Run) -> None:
    assert sum(cut.loose_lost for cut in result.cuts) > 0, "a test that cannot lose proves nothing"


@every_job
def test_control_a_disk_that_lies_about_flushes_loses_what_was_acknowledged(job: PowerCuts, result: Run) -> None:
    assert result.liar.problems, "a test that cannot lose proves nothing"
