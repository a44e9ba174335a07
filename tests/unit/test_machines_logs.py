"""Reading conmon's log files: parts are joined, cursors survive rotation, nothing is told twice."""

from __future__ import annotations

from pathlib import Path

import pytest

from caddis.domain.errors import Invalid
from caddis.machines.logs import START, finish, forget, list_segments, read_log, tend


def line(second: int, text: str, *, stream: str = "stdout", tag: str = "F") -> str:
    return f"2026-11-24T10:00:{second:02}.000000000+00:00 {stream} {tag} {text}\n"


def texts(path: Path, after: str | None, limit: int = 100) -> tuple[list[str], str]:
    lines, cursor = read_log(str(path), after, limit)
    return [line.text for line in lines], cursor


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "m1.log"


def rotate(log: Path, text: str) -> None:
    """As conmon does it: a new file takes the place of the old one."""
    fresh = log.with_suffix(".fresh")
    fresh.write_text(text)
    fresh.rename(log)


def test_no_log_has_no_lines(log: Path) -> None:
    assert texts(log, None) == ([], START)
    assert texts(log, START) == ([], START)


def test_without_a_cursor_the_last_lines_come(log: Path) -> None:
    log.write_text(line(1, "one") + line(2, "two") + line(3, "three"))
    assert texts(log, None, 2)[0] == ["two", "three"]


def test_from_the_start_page_by_page(log: Path) -> None:
    log.write_text(line(1, "one") + line(2, "two") + line(3, "three"))
    first, cursor = texts(log, START, 2)
    second, cursor = texts(log, cursor, 2)
    assert (first, second) == (["one", "two"], ["three"])
    assert texts(log, cursor) == ([], cursor)


def test_parts_are_joined_and_an_unfinished_line_waits(log: Path) -> None:
    log.write_text(line(1, "Hel", tag="P") + line(1, "lo", tag="F") + line(2, "Pass", tag="P"))
    found, cursor = texts(log, START)
    assert found == ["Hello"]
    with log.open("a") as file:
        file.write(line(2, "word", tag="F"))
    assert texts(log, cursor)[0] == ["Password"]


def test_streams_that_take_turns_in_a_line_are_told_once(log: Path) -> None:
    log.write_text(line(1, "out-", tag="P") + line(2, "err 1", stream="stderr") + line(3, "err 2", stream="stderr"))
    found, cursor = texts(log, START)
    assert found == ["err 1", "err 2"]
    assert texts(log, cursor)[0] == []
    with log.open("a") as file:
        file.write(line(4, "err 3", stream="stderr") + line(5, "end"))
    assert texts(log, cursor)[0] == ["err 3", "out-end"]
    assert texts(log, texts(log, cursor)[1])[0] == []


def test_half_a_line_on_disk_is_not_told(log: Path) -> None:
    log.write_text(line(1, "one") + line(2, "two")[:-3])
    found, cursor = texts(log, START)
    assert found == ["one"]
    log.write_text(line(1, "one") + line(2, "two"))
    assert texts(log, cursor)[0] == ["two"]


def test_a_reader_goes_on_across_rotation(log: Path) -> None:
    log.write_text(line(1, "one") + line(2, "two") + line(3, "spl", tag="P"))
    found, cursor = texts(log, START, 1)
    assert found == ["one"]
    rotate(log, line(3, "it") + line(4, "four"))
    found, cursor = texts(log, cursor)
    assert found == ["two", "split", "four"]
    rotate(log, line(5, "five"))
    assert texts(log, cursor)[0] == ["five"]


def test_two_files_are_kept_and_what_is_gone_is_skipped(log: Path) -> None:
    log.write_text(line(1, "one"))
    _found, cursor = texts(log, START)
    for second in (2, 3, 4, 5):
        rotate(log, line(second, str(second)))
        tend(str(log))
    assert len(list_segments(str(log))) == 2
    assert texts(log, cursor)[0] == ["4", "5"]


def test_a_flood_while_nobody_tends_leaves_the_newest(log: Path) -> None:
    log.write_text(line(1, "1"))
    tend(str(log))
    for second in (2, 3, 4):
        rotate(log, line(second, str(second)))
    assert texts(log, START)[0] == ["1", "4"]


def test_a_cursor_that_is_not_ours_is_refused(log: Path) -> None:
    log.write_text(line(1, "one"))
    with pytest.raises(Invalid, match="not a position"):
        texts(log, "nonsense")


def test_forgetting_leaves_nothing(log: Path) -> None:
    log.write_text(line(1, "one"))
    tend(str(log))
    rotate(log, line(2, "two"))
    tend(str(log))
    forget(str(log))
    forget(str(log))
    assert list(log.parent.iterdir()) == []


def test_a_line_that_its_process_never_ended_is_told_once_that_has_gone(log: Path) -> None:
    log.write_text(line(1, "done") + line(2, "half", tag="P") + line(3, "gone", stream="stderr", tag="P"))
    for _ in range(2):
        finish(str(log))
    with log.open("a") as file:
        file.write(line(4, "next start"))
    assert texts(log, START)[0] == ["done", "half", "gone", "next start"]


def test_finishing_what_is_finished_or_never_was_changes_nothing(log: Path) -> None:
    finish(str(log))
    assert not log.exists()
    log.write_text(line(1, "done"))
    finish(str(log))
    assert log.read_text() == line(1, "done")
