"""Times as people read them."""

from __future__ import annotations

from datetime import datetime, timedelta

_MINUTE, _HOUR, _DAY = 60, 3600, 86400
_WEEK, _MONTH, _YEAR = 7 * _DAY, 30 * _DAY, 360 * _DAY
_UNITS = (
    (_YEAR, "year"),
    (_MONTH, "month"),
    (_WEEK, "week"),
    (_DAY, "day"),
    (_HOUR, "hour"),
    (_MINUTE, "minute"),
    (1, "second"),
)


def ago(then: datetime, now: datetime) -> str:
    """ "now", "39 seconds ago", "1 week ago" (facts: cli-volumes 0.4)."""
    seconds = int((now - then) / timedelta(seconds=1))
    if seconds == 0:
        return "now"
    word = "ago" if seconds > 0 else "from now"
    for length, name in _UNITS:
        count = abs(seconds) // length
        if count:
            return f"{count} {name}{'' if count == 1 else 's'} {word}"
    return "now"


def rfc822(then: datetime) -> str:
    """ "02 Jan 24 03:04 UTC"."""
    return then.strftime("%d %b %y %H:%M UTC")
