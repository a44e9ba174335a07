"""The crash matrix over fakes: every operation, every place."""

from __future__ import annotations

import pytest
from cases import CASES, test_every_operation_has_its_case
from fake_stage import FakeStage
from matrix import Case, Script, check, disturbances

__all__ = ["test_every_operation_has_its_case"]

MATRIX = [
    pytest.param(case, script, id=f"{case.operation}: {name}")
    for case in CASES
    for name, script in disturbances(FakeStage, case)
]


@pytest.mark.parametrize(("case", "script"), MATRIX)
def test_a_disturbed_operation_ends_whole_or_not_at_all_and_leaves_nothing(case: Case, script: Script) -> None:
    check(FakeStage, case, script)
