"""Beginning, walking, undoing and resuming operations.

running ── all steps have results ──> done
   │  a step failed
   v
undoing ── every started step undone, last first ──> undone
   │  an undo failed (or a forward-only step did)
   v
stuck ── resume ──> where it was
"""

from __future__ import annotations

import json
import sqlite3
import time
import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Generic

from caddis.domain.errors import Problem, problem_from_json
from caddis.journal.database import Database
from caddis.journal.operation import Context, Operation, Retry, Step, Stuck, W
from caddis.telemetry.log import note, note_bug
from caddis.telemetry.seam import seam

SCHEMA = """
CREATE TABLE operation (
    id TEXT PRIMARY KEY, name TEXT NOT NULL, subject TEXT NOT NULL, inputs TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('running', 'undoing', 'done', 'undone', 'stuck')),
    turned INTEGER NOT NULL DEFAULT 0, problem TEXT, begun_at REAL NOT NULL, ended_at REAL
);
CREATE INDEX operation_open ON operation (state) WHERE state NOT IN ('done', 'undone');
CREATE TABLE step (
    operation TEXT NOT NULL REFERENCES operation (id) ON DELETE CASCADE, position INTEGER NOT NULL, name TEXT NOT NULL,
    started_at REAL NOT NULL, result TEXT, undone_at REAL, PRIMARY KEY (operation, position)
);
"""
KEEP_ENDED_SECONDS = 7 * 24 * 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """An operation as the book holds it."""

    id: str
    name: str
    subject: str
    inputs: Mapping[str, Any]
    state: str
    problem: Problem | None


class Journal(Generic[W]):
    """The operations of one book. `subject` is the id of what one is about; one at a time is the caller's duty."""

    def __init__(
        self,
        database: Database,
        recipes: Iterable[Operation[W]],
        *,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._database = database
        self._recipes = {recipe.name: recipe for recipe in recipes}
        self._clock = clock
        self._sleep = sleep

    @property
    def recipes(self) -> Mapping[str, Operation[W]]:
        """Every operation that this journal can walk, by name."""
        return self._recipes

    def begin(self, name: str, inputs: Mapping[str, Any], *, id: str, subject: str) -> bool:
        """Write the operation down, together with what its `reserve` writes. True unless that id had begun before.

        What `reserve` raises is raised here, and nothing was written.
        """
        recipe = self._recipes[name]

        def work(book: sqlite3.Connection) -> bool:
            if book.execute("SELECT 1 FROM operation WHERE id = ?", (id,)).fetchone():
                return False
            if recipe.reserve is not None:
                recipe.reserve(book, inputs)
            book.execute(
                "INSERT INTO operation (id, name, subject, inputs, state, begun_at) VALUES (?, ?, ?, ?, 'running', ?)",
                (id, name, subject, json.dumps(inputs), self._clock()),
            )
            return True

        fresh = self._database.write(work)
        seam(f"{name}:begun")
        return fresh

    def walk(self, id: str, world: W) -> Mapping[str, Any]:
        """Go on until the operation has ended; the results of its steps.

        Raises the Problem for which it was undone, or Stuck.
        """
        entry = self.get(id)
        recipe = self._recipes[entry.name]
        results = self._results(id)
        context = Context(id, world, entry.inputs, results)
        if entry.state == "running":
            try:
                self._forward(recipe, context, results)
                return results
            except Retry as impatient:
                problem = impatient.problem
            except Problem as known:
                problem = known
            except Exception as bug:  # noqa: BLE001  a bug in a step must be undone like any failure
                problem = self._incident(recipe, bug)
            self._turn_round(recipe, context, problem)
            entry = self.get(id)
        if entry.state == "undoing":
            self._backward(recipe, context, entry.problem or Problem("no reason was kept"))
            entry = self.get(id)
        if entry.state == "stuck":
            raise Stuck(f"{recipe.name} is stuck: {entry.problem}", hint="it is tried again when the agent starts")
        if entry.problem is not None:
            raise entry.problem
        return results

    def get(self, id: str) -> Entry:
        """The operation of that id; KeyError if there is none."""
        rows = self._database.read("SELECT * FROM operation WHERE id = ?", (id,))
        if not rows:
            raise KeyError(id)
        return _entry(rows[0])

    def list_open(self) -> list[Entry]:
        """Operations that have not ended, oldest first."""
        return [
            _entry(row)
            for row in self._database.read(
                "SELECT * FROM operation WHERE state NOT IN ('done', 'undone') ORDER BY begun_at, rowid"
            )
        ]

    def unstick(self) -> None:
        """Put stuck operations back to where they were, so that a walk tries again."""
        self._database.write(
            lambda book: book.execute(
                "UPDATE operation SET state = CASE turned WHEN 1 THEN 'undoing' ELSE 'running' END,"
                " problem = CASE turned WHEN 1 THEN problem END WHERE state = 'stuck'"
            )
        )

    def forget_ended(self) -> None:
        """Drop operations that ended more than a week ago."""
        before = self._clock() - KEEP_ENDED_SECONDS
        self._database.write(lambda book: book.execute("DELETE FROM operation WHERE ended_at < ?", (before,)))

    def _results(self, id: str) -> dict[str, Any]:
        rows = self._database.read("SELECT name, result FROM step WHERE operation = ? ORDER BY position", (id,))
        return {row["name"]: json.loads(row["result"]) for row in rows if row["result"] is not None}

    def _forward(self, recipe: Operation[W], context: Context[W], results: dict[str, Any]) -> None:
        unwritten: tuple[int, Any] | None = None
        for position, step in enumerate(recipe.steps):
            if step.name in results:
                continue
            self._note_progress(context.id, unwritten, started=(position, step.name))
            seam(f"{recipe.name}/{step.name}:before")
            result = self._do(recipe, step, context)
            seam(f"{recipe.name}/{step.name}:after")
            results[step.name] = result
            unwritten = (position, result)

        def work(book: sqlite3.Connection) -> None:
            self._write_result(book, context.id, unwritten)
            if recipe.finish is not None:
                recipe.finish(book, context)
            self._end(book, context.id, "done", None)

        self._database.write(work)
        seam(f"{recipe.name}:done")

    def _do(self, recipe: Operation[W], step: Step[W], context: Context[W]) -> Any:
        waited = 0.0
        while True:
            try:
                return step.do(context)
            except Retry as later:
                if waited >= recipe.patience:
                    raise
                note("step retries", operation=recipe.name, step=step.name, why=later.problem.message)
                self._sleep(later.after)
                waited += later.after

    def _note_progress(self, id: str, finished: tuple[int, Any] | None, *, started: tuple[int, str]) -> None:
        """One transaction: the result of the step before, and that the next one starts."""

        def work(book: sqlite3.Connection) -> None:
            self._write_result(book, id, finished)
            book.execute(
                "INSERT INTO step (operation, position, name, started_at) VALUES (?, ?, ?, ?)"
                " ON CONFLICT (operation, position) DO UPDATE SET started_at = excluded.started_at",
                (id, started[0], started[1], self._clock()),
            )

        self._database.write(work)

    @staticmethod
    def _write_result(book: sqlite3.Connection, id: str, finished: tuple[int, Any] | None) -> None:
        if finished is not None:
            book.execute(
                "UPDATE step SET result = ? WHERE operation = ? AND position = ?",
                (json.dumps(finished[1]), id, finished[0]),
            )

    def _turn_round(self, recipe: Operation[W], context: Context[W], problem: Problem) -> None:
        note("operation failed", operation=recipe.name, id=context.id, why=problem.message)
        state = "stuck" if recipe.forward_only else "undoing"
        self._database.write(
            lambda book: book.execute(
                "UPDATE operation SET state = ?, turned = ?, problem = ? WHERE id = ?",
                (state, int(not recipe.forward_only), json.dumps(problem.to_json()), context.id),
            )
        )
        seam(f"{recipe.name}:turned")

    def _backward(self, recipe: Operation[W], context: Context[W], problem: Problem) -> None:
        rows = self._database.read(
            "SELECT position FROM step WHERE operation = ? AND undone_at IS NULL ORDER BY position DESC", (context.id,)
        )
        for (position,) in rows:
            step = recipe.steps[position]
            seam(f"{recipe.name}/{step.name}:undo before")
            try:
                if step.undo is not None:
                    step.undo(context)
            except Exception as failure:  # noqa: BLE001  whatever it is, the operation becomes visible as stuck
                self._stick(recipe, context, step, failure)
                return
            seam(f"{recipe.name}/{step.name}:undo after")
            self._write_undone(context.id, position)

        def work(book: sqlite3.Connection) -> None:
            if recipe.abandon is not None:
                recipe.abandon(book, context, problem)
            self._end(book, context.id, "undone", problem)

        self._database.write(work)
        seam(f"{recipe.name}:undone")

    def _write_undone(self, id: str, position: int) -> None:
        self._database.write(
            lambda book: book.execute(
                "UPDATE step SET undone_at = ? WHERE operation = ? AND position = ?", (self._clock(), id, position)
            )
        )

    def _stick(self, recipe: Operation[W], context: Context[W], step: Step[W], failure: Exception) -> None:
        note_bug("undo failed", failure, operation=recipe.name, step=step.name, id=context.id)
        self._database.write(
            lambda book: book.execute("UPDATE operation SET state = 'stuck' WHERE id = ?", (context.id,))
        )

    def _end(self, book: sqlite3.Connection, id: str, state: str, problem: Problem | None) -> None:
        book.execute(
            "UPDATE operation SET state = ?, problem = ?, ended_at = ? WHERE id = ?",
            (state, json.dumps(problem.to_json()) if problem else None, self._clock(), id),
        )

    @staticmethod
    def _incident(recipe: Operation[W], bug: Exception) -> Problem:
        incident = uuid.uuid4().hex[:12]
        note_bug("bug in a step", bug, operation=recipe.name, incident=incident)
        return Problem(f"internal error in {recipe.name}, incident {incident}", hint="the agent's log has the details")


def _entry(row: sqlite3.Row) -> Entry:
    return Entry(
        id=row["id"],
        name=row["name"],
        subject=row["subject"],
        inputs=json.loads(row["inputs"]),
        state=row["state"],
        problem=problem_from_json(json.loads(row["problem"])) if row["problem"] else None,
    )
