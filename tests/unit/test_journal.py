"""The journal: begun is kept, results are handed on, failures are undone, and a death at any seam changes nothing."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from caddis.domain.errors import Conflict, NoCapacity, Problem
from caddis.journal.database import Database
from caddis.journal.journal import SCHEMA, Journal
from caddis.journal.operation import Context, Operation, Retry, Step, Stuck
from caddis.telemetry.seam import watch

World = dict[str, Any]


class Death(BaseException):
    """The process ends here."""


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = Database(tmp_path / "book.sqlite", (SCHEMA, "CREATE TABLE thing (name TEXT PRIMARY KEY)"))
    yield opened
    opened.close()


def put(name: str) -> Step[World]:
    return Step(
        name,
        lambda context: context.world.setdefault(name, f"made {name}"),
        lambda context: context.world.pop(name, None),
    )


def journal_of(database: Database, *steps: Step[World], **how: Any) -> Journal[World]:
    recipe: Operation[World] = Operation(name="thing.make/1", steps=steps, **how)
    return Journal(database, (recipe,), sleep=lambda _seconds: None)


def test_results_of_earlier_steps_are_handed_on(database: Database) -> None:
    def look(context: Context[World]) -> str:
        return f"saw {context.results['one']} and {context.inputs['size']}"

    journal = journal_of(database, put("one"), Step("two", look))
    journal.begin("thing.make/1", {"size": 3}, id="a", subject="thing")
    assert journal.walk("a", {}) == {"one": "made one", "two": "saw made one and 3"}
    assert journal.get("a").state == "done"


def test_what_reserve_refuses_was_never_begun(database: Database) -> None:
    def refuse(_book: sqlite3.Connection, _inputs: object) -> None:
        raise NoCapacity("full")

    journal = journal_of(database, put("one"), reserve=refuse)
    with pytest.raises(NoCapacity):
        journal.begin("thing.make/1", {}, id="a", subject="thing")
    with pytest.raises(KeyError):
        journal.get("a")


def test_the_books_rows_and_the_end_of_an_operation_change_in_one_transaction(database: Database) -> None:
    def finish(book: sqlite3.Connection, _context: object) -> None:
        book.execute("INSERT INTO thing VALUES ('x')")

    journal = journal_of(database, put("one"), finish=finish)
    journal.begin("thing.make/1", {}, id="a", subject="x")
    script: Callable[[str], None] = lambda seam: _die(seam, "thing.make/1/one:after")  # noqa: E731
    with watch(script), pytest.raises(Death):
        journal.walk("a", {})
    assert not database.read("SELECT * FROM thing")
    journal.walk("a", {})
    assert [row[0] for row in database.read("SELECT name FROM thing")] == ["x"]


def test_a_failing_step_is_undone_itself_and_so_are_those_before_it(database: Database) -> None:
    def half(context: Context[World]) -> None:
        context.world["two"] = "half made"
        raise Conflict("no")

    two = Step("two", half, lambda context: context.world.pop("two", None))
    journal = journal_of(database, put("one"), two, put("three"))
    journal.begin("thing.make/1", {}, id="a", subject="thing")
    world: World = {}
    with pytest.raises(Conflict, match="no"):
        journal.walk("a", world)
    assert world == {} and journal.get("a").state == "undone"


def test_the_problem_of_an_undone_operation_is_kept_with_its_kind_and_hint(database: Database) -> None:
    def fail(_context: object) -> None:
        raise NoCapacity("pool is full", hint="buy a disk", field="size_gb")

    journal = journal_of(database, Step("one", fail))
    journal.begin("thing.make/1", {}, id="a", subject="thing")
    for _ in range(2):
        with pytest.raises(NoCapacity) as caught:
            journal.walk("a", {})
        assert (caught.value.hint, caught.value.field) == ("buy a disk", "size_gb")


def test_beginning_the_same_id_twice_is_one_operation(database: Database) -> None:
    calls: list[int] = []
    journal = journal_of(database, Step("one", lambda _context: calls.append(1)))
    assert journal.begin("thing.make/1", {}, id="a", subject="thing")
    assert not journal.begin("thing.make/1", {}, id="a", subject="thing")
    journal.walk("a", {})
    journal.walk("a", {})
    assert calls == [1]


def test_a_step_that_asks_for_a_retry_is_kept_until_patience_ends(database: Database) -> None:
    tries: list[int] = []

    def busy(_context: object) -> str:
        tries.append(1)
        if len(tries) < 4:
            raise Retry(1.0, Conflict("busy"))
        return "at last"

    journal = journal_of(database, Step("one", busy), patience=10.0)
    journal.begin("thing.make/1", {}, id="a", subject="thing")
    assert journal.walk("a", {}) == {"one": "at last"}
    tries.clear()
    impatient = journal_of(database, Step("one", busy), patience=2.0)
    impatient.begin("thing.make/1", {}, id="b", subject="thing")
    with pytest.raises(Conflict, match="busy"):
        impatient.walk("b", {})


def test_an_undo_that_fails_leaves_the_operation_stuck_and_visible_until_it_works(database: Database) -> None:
    broken = [True]

    def undo(_context: object) -> None:
        if broken[0]:
            raise OSError("disk")

    def fail(_context: object) -> None:
        raise Conflict("no")

    journal = journal_of(database, Step("one", lambda _context: None, undo), Step("two", fail))
    journal.begin("thing.make/1", {}, id="a", subject="thing")
    with pytest.raises(Stuck):
        journal.walk("a", {})
    assert [entry.state for entry in journal.list_open()] == ["stuck"]
    broken[0] = False
    journal.unstick()
    with pytest.raises(Conflict):
        journal.walk("a", {})
    assert not journal.list_open()


def test_a_forward_only_operation_waits_where_it_failed_and_goes_on_later(database: Database) -> None:
    broken = [True]

    def erase(_context: object) -> None:
        if broken[0]:
            raise Conflict("busy")

    journal = journal_of(database, Step("one", erase), forward_only=True)
    journal.begin("thing.make/1", {}, id="a", subject="thing")
    with pytest.raises(Stuck):
        journal.walk("a", {})
    broken[0] = False
    journal.unstick()
    journal.walk("a", {})
    assert journal.get("a").state == "done"


def test_a_bug_in_a_step_is_undone_and_shown_as_an_incident(database: Database) -> None:
    def bug(_context: object) -> None:
        raise ZeroDivisionError

    journal = journal_of(database, put("one"), Step("two", bug))
    journal.begin("thing.make/1", {}, id="a", subject="thing")
    world: World = {}
    with pytest.raises(Problem, match="incident"):
        journal.walk("a", world)
    assert world == {}


def test_one_refused_transaction_of_a_shared_commit_does_not_hurt_the_others(database: Database) -> None:
    held, go = threading.Event(), threading.Event()

    def hold(_book: sqlite3.Connection) -> None:
        held.set()
        go.wait(10)

    def insert(name: str) -> None:
        database.write(lambda book: book.execute("INSERT INTO thing VALUES (?)", (name,)))

    problems: list[Exception] = []

    def try_insert(name: str) -> None:
        try:
            insert(name)
        except sqlite3.IntegrityError as problem:
            problems.append(problem)

    insert("taken")
    threads = [threading.Thread(target=database.write, args=(hold,))]
    threads[0].start()
    held.wait(10)
    threads += [threading.Thread(target=try_insert, args=(name,)) for name in ("a", "taken", "b")]
    for thread in threads[1:]:
        thread.start()
    go.set()
    for thread in threads:
        thread.join()
    assert len(problems) == 1
    assert {row[0] for row in database.read("SELECT name FROM thing")} == {"taken", "a", "b"}


def _die(seam: str, at: str) -> None:
    if seam == at:
        raise Death
