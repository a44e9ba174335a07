"""A machine's output, as conmon keeps it: "<time> <stream> <F or P> <text>" a line, P where the line goes on.

When the file has reached its size, conmon puts an empty one in its place, and what it held would be lost. So a second
name, `.guard`, is kept for the current file: when it turns out to be another file than the log, conmon has rotated, and
the guard is renamed to `.1`. Whoever reads a log does that, and the agent every few seconds; at most three files exist.

A cursor tells where a reader stands: the file, known by the time in its first line (inodes come round again, and a file
changes its name); the number of bytes read; and how many lines after them were told already, past an unfinished one.
"""

from __future__ import annotations

import os
import re
import threading
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from caddis.domain.errors import Invalid

START = ""  # the cursor before everything that is kept
_MAX_LINE = 64 << 10  # bytes; longer ones come out in pieces
_tending = threading.Lock()  # two at once would rename the guard twice, and the older file would be lost

Place = tuple[int, int]  # which of the files, oldest first, and an offset in it


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line of output; `time` as conmon writes it (RFC 3339, nanoseconds, with the host's offset)."""

    time: str
    stream: str  # stdout or stderr
    text: str


@dataclass(frozen=True, slots=True)
class Segment:
    """One of the files, oldest first; `mark` is the time in its first line, and empty when there is none yet."""

    path: str
    mark: str


def tend(path: str) -> None:
    """Ensure that the guard guards the current file, keeping what it guarded before as `.1`."""
    guard = f"{path}.guard"
    with _tending:
        if not os.path.exists(path) or _same_file(path, guard):
            return
        try:
            os.rename(guard, f"{path}.1")
        except FileNotFoundError:
            pass
        os.link(path, guard)


def finish(path: str) -> None:
    """Ensure that the last line of each stream has its end: the process is gone and will not write it.

    Else the first line of the next start would be joined to it. Nobody may be writing the log any more.
    """
    try:
        with open(path, "rb+") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - 2 * _MAX_LINE))
            lines = [line.split(b" ", 3) for line in file]
            last = {fields[1]: fields for fields in lines if len(fields) == 4}
            for time, stream, tag, _text in last.values():
                if tag == b"P":
                    file.write(b"%s %s F \n" % (time, stream))
    except FileNotFoundError:
        return


def forget(path: str) -> None:
    """Ensure that nothing is left of it."""
    for suffix in ("", ".guard", ".1", ".tmp"):
        Path(path + suffix).unlink(missing_ok=True)


def read_log(path: str, after: str | None, limit: int) -> tuple[list[LogLine], str]:
    """Lines after a cursor, at most `limit`, oldest first, and the cursor after them.

    With None, the last `limit` lines. What was rotated away since is skipped. An unfinished line waits for its end.
    """
    tend(path)
    segments = list_segments(path)
    if after is None:
        tail = deque(_read_from(segments), maxlen=max(limit, 1))
        return [line for line, _cursor in tail], tail[-1][1] if tail else START
    mark, offset, told = parse_cursor(after)
    start = next((at for at, segment in enumerate(segments) if segment.mark == mark), None)
    fresh = _read_from(segments) if start is None else islice(_read_from(segments[start:], offset), told, None)
    lines, cursor = [], after
    for line, cursor in islice(fresh, limit):  # noqa: B007  the last cursor is what we return
        lines.append(line)
    return lines, cursor


def parse_cursor(cursor: str) -> tuple[str, int, int]:
    """The file's mark, the offset and the lines told after it; Invalid when we did not write it. Pure."""
    if cursor == START:
        return "", 0, 0
    match = re.fullmatch(r"(.+)@(\d+)\+(\d+)", cursor)
    if match is None:
        raise Invalid(f"{cursor!r} is not a position in a log", field="next_token")
    return match[1], int(match[2]), int(match[3])


def list_segments(path: str) -> list[Segment]:
    """The files that there are, oldest first, each once."""
    found = [Segment(name, _first_time(name)) for name in (f"{path}.1", f"{path}.guard", path)]
    return [
        segment for at, segment in enumerate(found) if segment.mark and segment.mark not in {s.mark for s in found[:at]}
    ]


def join_parts(raw: Iterable[tuple[Place, Place, bytes]]) -> Iterator[tuple[LogLine, Place, int]]:
    """Whole lines out of conmon's, which come with where they begin and end. Pure.

    With each, the place from which to go on, and how many lines from there on have been told: the streams may take
    turns in the middle of a line, and while one is unfinished, the place stays at its beginning.
    """
    unfinished: dict[str, tuple[Place, str, bytes]] = {}  # stream: where it began, when, what
    ends: deque[Place] = deque()
    for begin, end, line in raw:
        fields = line.removesuffix(b"\n").split(b" ", 3)
        if len(fields) != 4 or not line.endswith(b"\n"):
            continue
        time, stream, tag, text = fields[0].decode(), fields[1].decode(), fields[2], fields[3]
        first, when, before = unfinished.pop(stream, (begin, time, b""))
        text = before + text
        if tag == b"P" and len(text) < _MAX_LINE:
            unfinished[stream] = (first, when, text)
            continue
        place = min((begun for begun, _when, _text in unfinished.values()), default=end)
        ends.append(end)
        while ends and ends[0] <= place:
            ends.popleft()
        yield LogLine(when, stream, text.decode(errors="replace")), place, len(ends)


def _read_from(segments: list[Segment], offset: int = 0) -> Iterator[tuple[LogLine, str]]:
    for line, (at, told), more in join_parts(_read_raw(segments, offset)):
        yield line, f"{segments[at].mark}@{told}+{more}"


def _read_raw(segments: list[Segment], offset: int) -> Iterator[tuple[Place, Place, bytes]]:
    for at, segment in enumerate(segments):
        try:
            with open(segment.path, "rb") as file:
                file.seek(offset)
                for line in file:
                    yield (at, offset), (at, offset + len(line)), line
                    offset += len(line)
        except FileNotFoundError:  # rotated away while we read
            pass
        offset = 0


def _first_time(path: str) -> str:
    try:
        with open(path, "rb") as file:
            first = file.readline(256)
    except FileNotFoundError:
        return ""
    return first.split(b" ", 1)[0].decode(errors="replace") if b" " in first else ""


def _same_file(one: str, other: str) -> bool:
    try:
        return os.path.samefile(one, other)
    except FileNotFoundError:
        return False
