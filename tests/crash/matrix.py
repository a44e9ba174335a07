"""The crash matrix: every operation, disturbed at every place, must end whole or not at all, and leave nothing behind.

The cases are generated from what an undisturbed run passes: die at each seam and resume; fail in each step after its
effect, which undoes the operation; die at each seam of that undoing and resume. Dying after an effect makes a step run
twice. A `Stage` is a world of fakes or of the real kernel; both play the same cases.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Protocol

from caddis.agent.operations import RECIPES
from caddis.agent.world import World
from caddis.domain.errors import Problem
from caddis.journal.journal import Journal
from caddis.journal.operation import Stuck

PLANNED = "planned by the test"


class Death(BaseException):
    """The agent dies here. Not an Exception: nothing may catch it and tidy up."""


class Stage(Protocol):
    """A host on which operations are played."""

    world: World

    def walk(self, operation: str, inputs: Mapping[str, Any], id: str, subject: str, script: Script) -> None:
        """Begin and walk an operation as an agent that the script disturbs. Death where that agent died."""

    def send(self, id: str, content: bytes) -> None:
        """A client sends this; whichever agent walks the operation first receives it, and it dies with that one."""

    def reopen(self) -> None:
        """What a new agent does: open the book again, keep whatever the kernel still has."""

    def move_away(self, volume_id: str, snapshot_id: str) -> str:
        """Put both into another pool, of which nothing is asked at the end; its folder."""

    def leftovers(self) -> list[str]:
        """Everything of ours that the kernel and the disk hold, and the book's rows of machines and volumes."""

    def close(self) -> None:
        """Give everything back."""


@dataclass(frozen=True)
class Case:
    """One operation in a prepared world. `prepare` leads up to it and returns its inputs, id and subject."""

    operation: str
    prepare: Callable[[Stage], tuple[Mapping[str, Any], str, str]]
    finished: Callable[[Stage], None]  # asserts what must hold after success
    undone: Callable[[Stage], None]  # asserts what must hold after failure
    lost: str = PLANNED  # begins what else it may fail with, after a death, because what it needs died too


@dataclass
class Script:
    """What to do at which seam: die at one, fail at another."""

    die_at: str | None = None
    fail_at: str | None = None
    passed: list[str] = field(default_factory=list)

    def __call__(self, seam: str) -> None:
        self.passed.append(seam)
        if seam == self.fail_at:
            self.fail_at = None
            raise Problem(PLANNED)
        if seam == self.die_at:
            self.die_at = None
            raise Death(seam)


def journal_of(stage: Stage) -> Journal[World]:
    """A journal over the stage's book, as a new agent opens it; nothing waits in tests."""
    return Journal(stage.world.book.database, RECIPES, sleep=lambda _seconds: None)


def run(stage: Stage, operation: str, inputs: Mapping[str, Any], id: str, subject: str) -> Mapping[str, Any]:
    """Begin and walk an operation undisturbed."""
    journal = journal_of(stage)
    journal.begin(operation, inputs, id=id, subject=subject)
    return journal.walk(id, stage.world)


def play(stage: Stage, case: Case, script: Script) -> Problem | None:
    """Play the case with its disturbance; after each death a new agent resumes. The problem it ended with, if any."""
    inputs, id, subject = case.prepare(stage)
    try:
        stage.walk(case.operation, inputs, id, subject, script)
    except Death:
        stage.reopen()
        journal = journal_of(stage)
        journal.unstick()
        try:
            journal.walk(id, stage.world)
        except Problem as failure:
            return failure
    except Problem as failure:
        return failure
    return None


@cache
def ends(make_stage: Callable[[], Stage], case: Case) -> tuple[list[str], list[str]]:
    """What is there before the operation, and after it was left undisturbed."""
    stage = make_stage()
    try:
        case.prepare(stage)
        before = stage.leftovers()
    finally:
        stage.close()
    stage = make_stage()
    try:
        assert play(stage, case, Script()) is None
        return before, stage.leftovers()
    finally:
        stage.close()


def check(make_stage: Callable[[], Stage], case: Case, script: Script) -> None:
    """Play one disturbed case and compare what is left with an undisturbed end."""
    before, after = ends(make_stage, case)
    stage = make_stage()
    try:
        will_fail = script.fail_at is not None
        problem = play(stage, case, script)
        if problem is None:
            assert not will_fail
            case.finished(stage)
            _compare(stage.leftovers(), after)
        else:
            assert problem.message == PLANNED or problem.message.startswith(case.lost), problem
            assert not isinstance(problem, Stuck)
            case.undone(stage)
            _compare(stage.leftovers(), before)
        assert not journal_of(stage).list_open()
    finally:
        stage.close()


def _compare(found: list[str], wanted: list[str]) -> None:
    assert found == wanted, f"too much: {sorted(set(found) - set(wanted))}, missing: {sorted(set(wanted) - set(found))}"


def disturbances(make_stage: Callable[[], Stage], case: Case) -> Iterator[tuple[str, Script]]:
    """Every disturbance of a case, named; found by running it undisturbed, and undone from each step."""
    passed = _seams(make_stage, case, Script())
    for seam in dict.fromkeys(passed):
        yield f"die at {seam}", Script(die_at=seam)
    if _recipe(case.operation).forward_only:
        return
    for failing in [seam for seam in dict.fromkeys(passed) if seam.endswith(":after")]:
        yield f"fail at {failing}", Script(fail_at=failing)
        undoing = _seams(make_stage, case, Script(fail_at=failing))
        for seam in dict.fromkeys(undoing[undoing.index(failing) + 1 :]):
            yield f"fail at {failing}, die at {seam}", Script(fail_at=failing, die_at=seam)


def _seams(make_stage: Callable[[], Stage], case: Case, script: Script) -> list[str]:
    stage = make_stage()
    try:
        play(stage, case, script)
        own = case.operation
        return [seam for seam in script.passed if seam.startswith(own)]
    finally:
        stage.close()


def _recipe(name: str) -> Any:
    return next(recipe for recipe in RECIPES if recipe.name == name)
