"""What an operation is: a tuple of steps, and what the book does when it begins, finishes or is abandoned.

Every `do` is an *ensure*: it looks, and does what is missing, because a crash may make it run again. A result (JSON) is
the only thing handed on. An `undo` copes with finding nothing. Names of what a step makes are in the inputs, fixed
before the first step runs, so that an undo after a crash knows what to look for.

    @dataclass(frozen=True)
    class Step: name, do(context) -> JSON, undo(context) | None
    Operation(name="volume.create/1", steps=(...), reserve=..., finish=..., abandon=...)

`reserve`, `finish` and `abandon` run inside the transaction that writes "begun", "done" or "undone", so the book's rows
and the operation change in the same instant.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from caddis.domain.errors import Problem

W = TypeVar("W")


class Retry(Exception):
    """The step could not be done just now; keep it and try again after so many seconds."""

    def __init__(self, after: float, problem: Problem) -> None:
        super().__init__(problem.message)
        self.after = after
        self.problem = problem


class Stuck(Problem):
    """An operation could neither be finished nor undone; it stays in the book and is tried again later."""


@dataclass(frozen=True, slots=True)
class Context(Generic[W]):
    """What a step sees: the world it works on, the operation's inputs, and the results of the steps before."""

    id: str
    world: W
    inputs: Mapping[str, Any]
    results: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Step(Generic[W]):
    """One step. `undo` None means that there is nothing to undo."""

    name: str
    do: Callable[[Context[W]], Any]
    undo: Callable[[Context[W]], None] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation(Generic[W]):
    """A recipe. `name` carries a version, because a book may hold operations begun by an older program.

    `forward_only`: a failing step is not undone (there is no way back from erasing); the operation becomes stuck.
    `patience`: seconds for which a step may ask for a Retry.
    """

    name: str
    steps: tuple[Step[W], ...]
    reserve: Callable[[sqlite3.Connection, Mapping[str, Any]], None] | None = None
    finish: Callable[[sqlite3.Connection, Context[W]], None] | None = None
    abandon: Callable[[sqlite3.Connection, Context[W], Problem], None] | None = None
    forward_only: bool = False
    patience: float = 30.0
