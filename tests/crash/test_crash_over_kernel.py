"""The crash matrix over the real kernel: every operation, every place, each death a SIGKILL."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from cases import CASES
from fake_stage import FakeStage
from matrix import Case, Script, check, disturbances
from real_stage import Ground

pytestmark = pytest.mark.host

MATRIX = [  # an operation passes the same seams whatever it stands on, so they are found out where it is quick
    pytest.param(case, script, id=f"{case.operation}: {name}")
    for case in CASES
    for name, script in disturbances(FakeStage, case)
]


@pytest.fixture(scope="module")
def ground() -> Iterator[Ground]:
    ground = Ground()
    yield ground
    ground.leave()


@pytest.mark.parametrize(("case", "script"), MATRIX)
def test_a_disturbed_operation_ends_whole_or_not_at_all_and_leaves_nothing(
    ground: Ground, case: Case, script: Script
) -> None:
    check(ground.stage, case, script)
