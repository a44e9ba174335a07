"""A problem that was written into the book can be read back, whatever kind it was."""

from __future__ import annotations

import pytest

from caddis.domain.errors import InUse, Problem, WrongVolume, problem_from_json
from caddis.kernel.command import Failed, command


@pytest.mark.parametrize("kind", [Problem, InUse, WrongVolume])
def test_a_problem_comes_back_as_what_it_was(kind: type[Problem]) -> None:
    kept = kind("it went wrong", hint="do this", field="name").to_json()
    back = problem_from_json(kept)
    assert type(back) is kind
    assert (back.message, back.hint, back.field) == ("it went wrong", "do this", "name")


def test_a_program_that_failed_comes_back_with_its_sentence() -> None:
    back = problem_from_json(Failed(command("mkfs.ext4", "x"), 1, "no space").to_json())
    assert type(back) is Problem
    assert back.message == "mkfs.ext4 failed (exit 1): no space"


def test_a_kind_of_another_version_comes_back_as_a_plain_problem() -> None:
    assert type(problem_from_json({"kind": "Unheard", "message": "x"})) is Problem
