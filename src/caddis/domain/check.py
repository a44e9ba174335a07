"""A check: how a machine's health is looked at, and what came of it. Pure; the agent looks.

launched ──> warning ── a look passes ──> passing ── a look fails ──> warning or critical, as the look says
                └─ a look fails, grace period over ──> critical

A failing check restarts nothing: it is told, and deploys wait for it (facts: machines-api 4.5.4).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum

MAX_OUTPUT = 1024  # characters of a look's output that are kept
DEFAULT_INTERVAL, DEFAULT_TIMEOUT, DEFAULT_GRACE = 15.0, 5.0, 5.0  # seconds, where a check does not say
EAGER_INTERVAL = 1.0  # between looks until the first that passes, so that a deploy is not held up by the interval
EAGER_PERIOD = timedelta(seconds=60)  # after the start; also when the grace period is shorter
REFRESH = timedelta(minutes=2)  # a passing check's output that changes is told this often
REFRESH_FAILING = timedelta(seconds=15)
_CUT = "…"
_WAITING = "waiting for the first result"


class CheckType(StrEnum):
    """How to look: connect, ask over HTTP, or run a program inside the machine."""

    TCP = "tcp"
    HTTP = "http"
    SCRIPT = "script"


class CheckStatus(StrEnum):
    """As Fly spells them (facts: machines-api 4.2)."""

    PASSING = "passing"
    WARNING = "warning"
    CRITICAL = "critical"


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpLook:
    """The request; `skip_verify` and `server_name` are for https."""

    method: str = "GET"
    path: str = "/"
    protocol: str = "http"
    headers: tuple[tuple[str, str], ...] = ()
    skip_verify: bool = False
    server_name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """What to look at, and how often. Times in seconds."""

    name: str
    type: CheckType
    port: int = 0
    http: HttpLook = field(default_factory=HttpLook)
    command: tuple[str, ...] = ()
    interval: float = DEFAULT_INTERVAL
    timeout: float = DEFAULT_TIMEOUT
    grace_period: float = DEFAULT_GRACE


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckState:
    """What is known of a check. `updated_at` is when its status last changed, not when it was last looked at."""

    name: str
    status: CheckStatus
    output: str
    updated_at: datetime
    has_passed: bool = False  # since the machine was started


@dataclass(frozen=True, slots=True)
class Finding:
    """What one look found."""

    status: CheckStatus
    output: str
    at: datetime


def begin_checks(checks: tuple[Check, ...], at: datetime) -> tuple[CheckState, ...]:
    """The states of a machine's checks when it has just been launched."""
    return tuple(unknown(check.name, _WAITING, at) for check in checks)


def unknown(name: str, why: str, at: datetime) -> CheckState:
    """Of a check that has not been looked at: neither good nor bad."""
    return CheckState(name=name, status=CheckStatus.WARNING, output=why, updated_at=at)


def decide_check(check: Check, state: CheckState, finding: Finding, *, started_at: datetime) -> CheckState:
    """The state after a look. Within the grace period, and until it has passed once, a failure is only a warning."""
    status, output = finding.status, _cut(finding.output)
    in_grace = finding.at - started_at < timedelta(seconds=check.grace_period)
    if status is CheckStatus.CRITICAL and in_grace and not state.has_passed:
        status = CheckStatus.WARNING
    changed = status is not state.status
    return replace(
        state,
        status=status,
        output=output,
        updated_at=finding.at if changed else state.updated_at,
        has_passed=state.has_passed or status is CheckStatus.PASSING,
    )


def pause_after(check: Check, state: CheckState, *, age: timedelta) -> float:
    """Seconds from the beginning of one look to that of the next, in a machine that was started `age` ago."""
    eager = not state.has_passed and age < max(EAGER_PERIOD, timedelta(seconds=check.grace_period))
    return min(check.interval, EAGER_INTERVAL) if eager else check.interval


def is_worth_telling(told: CheckState, now: CheckState, *, since: timedelta) -> bool:
    """Whether `now` is to be written down and reported, when `told` was `since` ago."""
    if now.status is not told.status or told.output == _WAITING:
        return True
    passing = now.status is CheckStatus.PASSING
    return now.output != told.output and since >= (REFRESH if passing else REFRESH_FAILING)


def _cut(output: str) -> str:
    """Bounded, and without what a terminal would obey: it comes from users' programs and goes to people's screens."""
    shown = (character if character.isprintable() or character == "\n" else " " for character in output)
    text = "".join(shown).strip()
    return text if len(text) <= MAX_OUTPUT else text[: MAX_OUTPUT - 1] + _CUT
