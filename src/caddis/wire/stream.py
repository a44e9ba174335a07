"""What passes through a stream into a machine: bytes on channels, and words about them (decision 0036).

A binary message is one byte, the channel, and bytes of it; with none, the channel has ended. A text message is a JSON
object, a word: `taken` (so many bytes of a channel have been written on), `size` of a terminal, `exit`, `error`.

Nobody sends more of a channel than WINDOW bytes beyond what the other end has `taken`. So each end can always read,
notices at once when the other one is gone, and needs to keep no more than that.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from caddis.domain.errors import Invalid
from caddis.wire.reading import Reader

WINDOW = 1 << 20  # bytes of a channel that may be on their way
PART = 32 << 10  # bytes of one message
LONGEST_MESSAGE = 1 << 20  # bytes of a message that is read at all; a command to run may be long
SILENCE_SECONDS = 60.0  # without an answer to a ping, after which the other end is taken for dead
MOST_ROWS = 10_000
_TERM = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,63}")


class Channel(IntEnum):
    """Where bytes go: INPUT into the machine, the others out of it."""

    INPUT = 0
    OUTPUT = 1
    ERRORS = 2


@dataclass(frozen=True, slots=True)
class Size:
    """Of a terminal, in characters."""

    rows: int
    columns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionRequest:
    """A program to run with its streams attached. No `argv` is a shell; no `size` is no terminal."""

    argv: tuple[str, ...] = ()
    user: str = ""
    term: str = ""
    size: Size | None = None


def part_to_wire(channel: Channel, data: bytes) -> bytes:
    """The message that carries these bytes; without any, the channel's end."""
    return bytes((channel,)) + data


def part_from_wire(message: bytes) -> tuple[Channel, bytes]:
    """Channel and bytes; Invalid when it is no message of ours."""
    if not message or message[0] not in tuple(Channel):
        raise Invalid("a binary message does not begin with a channel")
    return Channel(message[0]), message[1:]


def word_to_wire(**word: Any) -> str:
    """The message that carries a word."""
    return json.dumps(word)


def word_from_wire(message: str) -> Mapping[str, Any]:
    """The word; Invalid when it is none."""
    try:
        word = json.loads(message)
    except ValueError:
        word = None
    if not isinstance(word, dict):
        raise Invalid("a text message is not a JSON object")
    return word


def taken_to_wire(channel: Channel, count: int) -> str:
    """So many bytes more of the channel have gone on."""
    return word_to_wire(taken={str(int(channel)): count})


def taken_from_wire(word: Mapping[str, Any]) -> dict[Channel, int]:
    """The bytes by channel that a word tells of; empty when it is about something else."""
    told = word.get("taken")
    if not isinstance(told, dict):
        return {}
    known = {str(int(channel)): channel for channel in Channel}
    return {known[key]: count for key, count in told.items() if key in known and isinstance(count, int)}


def size_to_wire(size: Size) -> list[int]:
    """As a word's `size`."""
    return [size.rows, size.columns]


def size_from_wire(told: object) -> Size | None:
    """The size; None when there is none. Invalid when it is not two numbers that a terminal can have."""
    if told is None:
        return None
    if not isinstance(told, list) or len(told) != 2 or not all(type(one) is int for one in told):
        raise Invalid("size must be the numbers of rows and columns", field="size")
    rows, columns = told
    if not (0 <= rows <= MOST_ROWS and 0 <= columns <= MOST_ROWS):
        raise Invalid(f"size must be at most {MOST_ROWS} rows and columns", field="size")
    return Size(rows or 24, columns or 80)


def session_to_wire(request: SessionRequest) -> str:
    """The first message of a session."""
    size = None if request.size is None else size_to_wire(request.size)
    return word_to_wire(command=list(request.argv), user=request.user, term=request.term, size=size)


def session_from_wire(message: str) -> SessionRequest:
    """The first message of a session; Invalid, naming the field."""
    reader = Reader(dict(word_from_wire(message)))
    argv = reader.find_texts("command") or ()
    if any("\0" in argument for argument in argv) or (argv and not argv[0]):
        raise Invalid("command must begin with a program, and no argument may contain a NUL character", field="command")
    term = reader.text("term")
    if term and not _TERM.fullmatch(term):
        raise Invalid(f"term {term!r} is not the name of a terminal", field="term")
    size = size_from_wire(reader.document.get("size"))
    return SessionRequest(argv=tuple(argv), user=reader.text("user"), term=term, size=size)


class Window:
    """How much of one channel may still be sent. Not for several threads at once: who uses it sees to that."""

    def __init__(self) -> None:
        self._open = WINDOW

    @property
    def room(self) -> int:
        """Bytes that may be sent now, of at most one message."""
        return min(self._open, PART)

    def send(self, count: int) -> None:
        """So many are on their way."""
        self._open -= count

    def take(self, count: int) -> None:
        """The other end has written them on; Invalid when it was never sent so much."""
        if not 0 <= count <= WINDOW - self._open:
            raise Invalid("the other end took more than it was sent")
        self._open += count


class Taking:
    """What one end has written on and not told of yet: it tells of a quarter of the window at a time."""

    def __init__(self) -> None:
        self._untold = 0

    def count(self, written: int) -> int:
        """How much to tell of now; 0 while it is not worth a message."""
        self._untold += written
        if self._untold < WINDOW // 4:
            return 0
        told, self._untold = self._untold, 0
        return told
