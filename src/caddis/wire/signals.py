"""Signals, by name or by number: the API takes both (facts: machines-api 10)."""

from __future__ import annotations

from signal import Signals

from caddis.domain.errors import Invalid

# what Fly lets a machine be stopped with (facts: machines-api 4.5, fly-toml 2)
STOP_SIGNALS = (
    "SIGHUP",
    "SIGINT",
    "SIGQUIT",
    "SIGKILL",
    "SIGUSR1",
    "SIGUSR2",
    "SIGTERM",
    "SIGSTOP",
)


def check_stop_signal(value: object, *, field: str) -> str:
    """The name of a signal that a machine may be stopped with, from its name or number."""
    if isinstance(value, int) and not isinstance(value, bool):
        value = next((known.name for known in Signals if known.value == value), value)
    if not isinstance(value, str) or value not in STOP_SIGNALS:
        raise Invalid(f"{field} is {value!r}: use one of {', '.join(STOP_SIGNALS)}", field=field)
    return value


def check_signal(value: object, *, field: str) -> int:
    """The number of any signal, from its name ("SIGKILL", "KILL") or number."""
    known = {member.name: member.value for member in Signals}
    if isinstance(value, int) and not isinstance(value, bool) and value in known.values():
        return int(value)
    if isinstance(value, str):
        name = value.upper()
        name = name if name.startswith("SIG") else f"SIG{name}"
        if name in known:
            return known[name]
    raise Invalid(
        f"{field} is {value!r}, which is not a signal: use a name like SIGTERM or a number like 15", field=field
    )
