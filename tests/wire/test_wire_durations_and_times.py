"""Go durations and RFC 3339 times."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caddis.domain.errors import Invalid
from caddis.wire.duration import format_duration, parse_duration
from caddis.wire.time import epoch_milliseconds, time_from_wire, time_to_wire


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0s", 0),
        ("0", 0),
        ("10m", 600),
        ("1h2m3.5s", 3723.5),
        ("1.5h", 5400),
        (".5s", 0.5),
        ("100ms", 0.1),
        ("-1m", -60),
        (15_000_000_000, 15),
    ],
)
def test_a_duration_is_a_go_text_or_whole_nanoseconds(text: object, seconds: float) -> None:
    assert parse_duration(text) == pytest.approx(seconds)


@pytest.mark.parametrize(
    "text", ["", "5", "abc", "5 s", "1d", "s", "1h-2m", None, True, 1.5, [], "9" * 400 + "h", 2**63]
)
def test_what_is_no_duration_is_refused_by_field(text: object) -> None:
    with pytest.raises(Invalid, match=r"config\.stop_config\.timeout is .* not a duration") as caught:
        parse_duration(text, field="config.stop_config.timeout")
    assert caught.value.field == "config.stop_config.timeout"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0s"), (5, "5s"), (0.5, "500ms"), (0.0015, "1.5ms"), (90, "1m30s"), (600, "10m0s"), (3723.5, "1h2m3.5s")],
)
def test_a_duration_is_written_as_go_prints_it(seconds: float, text: str) -> None:
    assert format_duration(seconds) == text


@given(st.integers(-(10**15), 10**15))
def test_every_duration_survives_the_way_there_and_back(microseconds: int) -> None:
    seconds = microseconds / 1e6
    assert parse_duration(format_duration(seconds)) == pytest.approx(seconds, abs=1e-6)


@given(st.datetimes(min_value=datetime(1970, 1, 2), max_value=datetime(2200, 1, 1), timezones=st.just(UTC)))
def test_every_time_survives_the_way_there_and_back(at: datetime) -> None:
    assert time_from_wire(time_to_wire(at)) == at


def test_times_are_utc_and_sort_as_texts() -> None:
    at = datetime(2026, 8, 20, 12, 11, 12, tzinfo=timezone(timedelta(hours=2)))
    assert time_to_wire(at) == "2026-08-20T10:11:12.000000Z"
    assert time_to_wire(at) < time_to_wire(at + timedelta(microseconds=1)) < time_to_wire(at + timedelta(seconds=1))
    assert epoch_milliseconds(at) == 1787220672000


def test_the_nanoseconds_of_go_are_read() -> None:
    assert time_from_wire("2026-08-20T10:11:12.123456789Z").microsecond == 123456


@pytest.mark.parametrize("text", ["", "yesterday", "2026-08-20T10:11:12", "2026-13-01T00:00:00Z"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(Invalid, match="not a time"):
        time_from_wire(text)
