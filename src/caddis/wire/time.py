"""Times as RFC 3339 in UTC: "2026-08-20T10:11:12.345678Z"."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from caddis.domain.errors import Invalid

# fromisoformat of Python 3.11 reads at most six digits of a second; Go writes up to nine
_EXTRA_DIGITS = re.compile(r"(\.\d{6})\d+")


def time_to_wire(at: datetime) -> str:
    """RFC 3339 text with microseconds; `at` must know its time zone.

    The fraction is always six digits, because clients compare these texts as texts (facts: machines-api 4.2).
    """
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def time_from_wire(text: str, *, field: str = "time") -> datetime:
    """The time in UTC; Invalid unless it is RFC 3339 with a zone."""
    try:
        at = datetime.fromisoformat(_EXTRA_DIGITS.sub(r"\1", text))
    except ValueError:
        at = None
    if at is None or at.tzinfo is None:
        raise Invalid(f"{field} is {text!r}, which is not a time like 2026-08-20T10:11:12Z", field=field)
    return at.astimezone(UTC)


def epoch_milliseconds(at: datetime) -> int:
    """Unix milliseconds, as events carry them."""
    return round(at.timestamp() * 1000)
