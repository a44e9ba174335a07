"""Durations as Go writes them: "1h2m3.5s". Whole numbers are nanoseconds (facts: machines-api 4.5)."""

from __future__ import annotations

import re

from caddis.domain.errors import Invalid

_SECONDS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "μs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_PART = re.compile(r"(?P<number>\d+(?:\.\d*)?|\.\d+)(?P<unit>ns|us|µs|μs|ms|s|m|h)")
_LONGEST = 2**63 / 1e9  # seconds; what Go's Duration can hold
_WHOLE = re.compile(rf"[+-]?(?:0|(?:{_PART.pattern.replace('?P<number>', '?:').replace('?P<unit>', '?:')})+)\Z")


def parse_duration(value: object, *, field: str = "duration") -> float:
    """Seconds meant by a Go duration text or by whole nanoseconds; Invalid for anything else."""
    seconds: float | None = None
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**63:
        seconds = value / 1e9
    elif isinstance(value, str) and _WHOLE.match(value):
        total = sum(float(part["number"]) * _SECONDS[part["unit"]] for part in _PART.finditer(value))
        seconds = -total if value.startswith("-") else total
    if seconds is None or abs(seconds) >= _LONGEST:
        raise Invalid(f'{field} is {value!r}, which is not a duration: write it like "15s" or "1m30s"', field=field)
    return seconds


def format_duration(seconds: float) -> str:
    """As Go's Duration prints itself: "0s", "500ms", "1m30s", "1h2m3.5s"."""
    if seconds < 0:
        return "-" + format_duration(-seconds)
    nanoseconds = round(seconds * 1e9)
    if nanoseconds == 0:
        return "0s"
    for limit, unit in ((1_000, "ns"), (1_000_000, "µs"), (1_000_000_000, "ms")):
        if nanoseconds < limit:
            return _plain(nanoseconds, limit // 1_000) + unit
    minutes, rest = divmod(nanoseconds, 60_000_000_000)
    hours, minutes = divmod(minutes, 60)
    text = _plain(rest, 1_000_000_000) + "s"
    if hours:
        return f"{hours}h{minutes}m{text}"
    return f"{minutes}m{text}" if minutes else text


def _plain(nanoseconds: int, unit: int) -> str:
    """`nanoseconds` in `unit`, without a trailing ".0"; integer arithmetic, so that no digit is invented."""
    whole, rest = divmod(nanoseconds, unit)
    fraction = str(rest).zfill(len(str(unit)) - 1).rstrip("0") if rest else ""
    return f"{whole}.{fraction}" if fraction else str(whole)
