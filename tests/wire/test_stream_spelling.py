"""Messages of streams, and windows: nothing is sent that the other end did not make room for."""

from __future__ import annotations

import json
from collections import deque

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caddis.domain.errors import Invalid
from caddis.wire import stream
from caddis.wire.stream import PART, WINDOW, Channel, SessionRequest, Size, Taking, Window


@given(st.sampled_from(Channel), st.binary(max_size=200))
def test_bytes_come_back_as_they_were(channel: Channel, data: bytes) -> None:
    assert stream.part_from_wire(stream.part_to_wire(channel, data)) == (channel, data)


@pytest.mark.parametrize("message", [b"", b"\x03data", b"\xff"])
def test_bytes_without_a_channel_are_refused(message: bytes) -> None:
    with pytest.raises(Invalid, match="begin with a channel"):
        stream.part_from_wire(message)


@given(
    st.builds(
        SessionRequest,
        argv=st.one_of(
            st.just(()), st.lists(st.text(st.characters(exclude_characters="\0")).filter(bool), min_size=1).map(tuple)
        ),
        user=st.text(max_size=20),
        term=st.sampled_from(["", "xterm-256color", "screen.linux"]),
        size=st.one_of(st.none(), st.builds(Size, st.integers(1, 10_000), st.integers(1, 10_000))),
    )
)
def test_a_session_comes_back_as_it_was(request: SessionRequest) -> None:
    assert stream.session_from_wire(stream.session_to_wire(request)) == request


@pytest.mark.parametrize(
    ("message", "sentence"),
    [
        ("", "not a JSON object"),
        ("[]", "not a JSON object"),
        ('{"command": "ls"}', "command"),
        ('{"command": [""]}', "command must begin with a program"),
        ('{"command": ["a", "b\\u0000"]}', "NUL"),
        ('{"term": "x;rm"}', "is not the name of a terminal"),
        ('{"size": [1]}', "rows and columns"),
        ('{"size": [true, 2]}', "rows and columns"),
        ('{"size": [-1, 2]}', "at most"),
        ('{"size": [100000, 2]}', "at most"),
    ],
)
def test_a_session_that_cannot_be_is_refused(message: str, sentence: str) -> None:
    with pytest.raises(Invalid, match=sentence):
        stream.session_from_wire(message)


def test_a_terminal_of_no_size_is_an_ordinary_one() -> None:
    assert stream.size_from_wire([0, 0]) == Size(24, 80)


@given(st.lists(st.tuples(st.booleans(), st.integers(1, WINDOW * 2)), max_size=60))
def test_a_window_is_never_overrun_and_never_stands_still(moves: list[tuple[bool, int]]) -> None:
    window, taking = Window(), Taking()
    sent: deque[int] = deque()
    unwritten = 0

    def write_on(count: int) -> None:
        nonlocal unwritten
        count = min(count, unwritten)
        unwritten -= count
        window.take(taking.count(count))

    for is_sending, count in moves:
        if is_sending:
            part = min(count, window.room)
            assert part <= PART
            window.send(part)
            sent.append(part)
            unwritten += part
        else:
            write_on(count)
        assert unwritten <= WINDOW
    write_on(unwritten)
    assert window.room > 0


@pytest.mark.parametrize("count", [-1, 11])
def test_taking_what_was_never_sent_is_refused(count: int) -> None:
    window = Window()
    window.send(10)
    with pytest.raises(Invalid, match="took more"):
        window.take(count)


@pytest.mark.parametrize(
    ("word", "found"),
    [
        ({"taken": {"0": 5, "7": 3, "1": "x"}}, {Channel.INPUT: 5}),
        ({"taken": 5}, {}),
        ({"exit": 0}, {}),
    ],
)
def test_only_known_channels_are_taken_from(word: dict[str, object], found: dict[Channel, int]) -> None:
    assert stream.taken_from_wire(stream.word_from_wire(json.dumps(word))) == found
