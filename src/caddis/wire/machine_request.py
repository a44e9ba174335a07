"""What clients ask of machines, decoded into small values (facts: machines-api 4.3, 4.7, 4.8, 4.9)."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from caddis.domain.errors import Invalid, Refused
from caddis.domain.lease import DEFAULT_TTL
from caddis.domain.machine import MAX_KILL_TIMEOUT, SETTLED, MachineConfig, MachineState
from caddis.wire.machine_config import config_from_wire
from caddis.wire.reading import Reader
from caddis.wire.signals import check_signal, check_stop_signal

MAX_LEASE_TTL = 86_400  # seconds
DEFAULT_EXEC_TIMEOUT = 60  # seconds
MAX_EXEC_TIMEOUT = 600
MAX_WAIT = 60  # seconds; clients clamp to the same
WAIT_STATES = ("started", "stopped", "suspended", "destroyed", "failed", "created", "settled")


@dataclass(frozen=True, slots=True, kw_only=True)
class MachineRequest:
    """A create or an update. `raw_config` is the client's own document; `lease_ttl` in seconds, 0 for no lease."""

    config: MachineConfig
    raw_config: Mapping[str, Any]
    name: str = ""
    region: str = ""
    skip_launch: bool = False
    skip_service_registration: bool = False
    skip_secrets: bool = False
    min_secrets_version: int | None = None
    lease_ttl: int = 0
    current_version: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class StopRequest:
    """None means as the machine's config says. `timeout` in seconds."""

    signal: str | None = None
    timeout: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RestartRequest:
    """A stop and a start; `force_stop` kills at once."""

    signal: str | None = None
    timeout: float | None = None
    force_stop: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalRequest:
    """A signal's number."""

    signal: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecRequest:
    """A program to run inside. `timeout` in seconds."""

    argv: tuple[str, ...]
    stdin: bytes = b""
    timeout: float = DEFAULT_EXEC_TIMEOUT


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaseRequest:
    """`ttl` in seconds."""

    ttl: int = DEFAULT_TTL
    description: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitRequest:
    """`states` that would do, spelled as in the query; `timeout` in seconds."""

    states: tuple[str, ...] = ("started",)
    timeout: int = MAX_WAIT
    version: str = ""
    from_event_id: str = ""

    def is_met_by(self, state: MachineState) -> bool:
        """Whether the wait is over.

        A machine made with `skip_launch` rests as `created`, and flyctl waits for `stopped` (facts: machines-api 4.3).
        """
        if "settled" in self.states and state in SETTLED:
            return True
        return state in self.states or (state is MachineState.CREATED and "stopped" in self.states)


def machine_request_from_wire(document: object) -> MachineRequest:
    """A create or update body; Invalid with the field's path where it is wrong."""
    reader = Reader(document)
    if not reader.has("config"):
        raise Invalid("config is missing: a machine needs at least config.image", field="config")
    config = config_from_wire(reader.document["config"])
    return MachineRequest(
        config=config,
        raw_config=reader.document["config"],
        name=reader.name("name"),
        region=reader.name("region"),
        skip_launch=reader.truth("skip_launch"),
        skip_service_registration=reader.truth("skip_service_registration"),
        skip_secrets=reader.truth("skip_secrets"),
        min_secrets_version=reader.find_whole("min_secrets_version", low=0, high=2**63),
        lease_ttl=reader.whole("lease_ttl", high=MAX_LEASE_TTL),
        current_version=reader.name("current_version"),
    )


def stop_request_from_wire(document: object) -> StopRequest:
    """A stop body; flyctl always sends `timeout`, and "0s" there means that none was asked for."""
    reader = Reader(document)
    signal = reader.document.get("signal")
    return StopRequest(
        signal=check_stop_signal(signal, field="signal") if signal not in (None, "", 0) else None,
        timeout=reader.find_duration("timeout", high=MAX_KILL_TIMEOUT) or None,
    )


def restart_request_from_query(query: Iterable[tuple[str, str]]) -> RestartRequest:
    """`force_stop`, `timeout` and `signal` of a restart; the timeout is a Go duration or whole seconds."""
    given = dict(query)
    timeout = given.get("timeout", "")
    stop = stop_request_from_wire(
        {"signal": given.get("signal"), "timeout": (f"{timeout}s" if timeout.isdecimal() else timeout) or None}
    )
    force = given.get("force_stop", "").lower() in ("true", "1")
    return RestartRequest(signal=stop.signal, timeout=stop.timeout, force_stop=force)


def signal_request_from_wire(document: object) -> SignalRequest:
    """A signal body: a number from flyctl, a name by the specification."""
    return SignalRequest(signal=check_signal(Reader(document).document.get("signal"), field="signal"))


def exec_request_from_wire(document: object) -> ExecRequest:
    """An exec body. `command` wins over `cmd`.

    `cmd` is split into words as a shell would, but no shell runs it: the image may not have one.
    """
    reader = Reader(document)
    argv = reader.find_texts("command") or ()
    if not argv:
        try:
            argv = tuple(shlex.split(reader.text("cmd")))
        except ValueError as error:
            raise Invalid(f"cmd cannot be split into words: {error}", field="cmd") from None
    if not argv or not argv[0]:
        raise Invalid("command is missing: give the program to run and its arguments", field="command")
    if any("\0" in argument for argument in argv):
        raise Invalid("command contains a NUL character, which no argument may", field="command")
    return ExecRequest(
        argv=argv,
        stdin=reader.text("stdin").encode(errors="replace"),
        timeout=reader.whole("timeout", high=MAX_EXEC_TIMEOUT) or DEFAULT_EXEC_TIMEOUT,
    )


def lease_request_from_wire(document: object, query: Iterable[tuple[str, str]] = ()) -> LeaseRequest:
    """A lease body, or its `ttl` in the query, which is where flyctl puts it."""
    reader = Reader(document)
    ttl: object = dict(query).get("ttl") or reader.document.get("ttl")
    if isinstance(ttl, str):
        if not ttl.isdecimal():
            raise Invalid(f"ttl is {ttl!r}: it must be a whole number of seconds", field="ttl")
        ttl = int(ttl)
    seconds = Reader({"ttl": ttl}).whole("ttl", high=MAX_LEASE_TTL) or DEFAULT_TTL
    return LeaseRequest(ttl=seconds, description=reader.text("description"))


def metadata_value_from_wire(document: object) -> str:
    """The `value` of a metadata write."""
    reader = Reader(document)
    if not reader.has("value"):
        raise Invalid("value is missing: a metadata write needs a text", field="value")
    return reader.text("value")


def wait_request_from_query(query: Iterable[tuple[str, str]]) -> WaitRequest:
    """A wait's query: `state` repeated or as a comma list, `timeout` clamped to 1 to 60 seconds.

    Refused (400) where it can never be met: clients stop retrying only then (facts: machines-api 4.7).
    """
    pairs = list(query)
    states = [state for key, value in pairs if key == "state" for state in value.split(",") if state]
    for state in states:
        if state not in WAIT_STATES:
            raise Refused(f"state is {state!r}: use one of {', '.join(WAIT_STATES)}", field="state")
    given = dict(pairs)
    timeout = given.get("timeout") or str(MAX_WAIT)
    digits = timeout.removesuffix("s")
    if not digits.isdecimal():
        raise Refused(f"timeout is {timeout!r}: it must be a whole number of seconds", field="timeout")
    return WaitRequest(
        states=tuple(dict.fromkeys(states)) or ("started",),
        timeout=min(max(int(digits), 1), MAX_WAIT),
        version=given.get("version") or given.get("instance_id") or "",
        from_event_id=given.get("from_event_id", ""),
    )


def metadata_from_wire(document: object) -> dict[str, str | None]:
    """A PATCH or PUT of `metadata`; null deletes a key."""
    given = Reader(document).document.get("metadata")
    if not isinstance(given, Mapping):
        raise Invalid("metadata is missing: give an object of texts", field="metadata")
    for key, value in given.items():
        if value is not None and not isinstance(value, str):
            raise Invalid(f"metadata.{key} must be a text", field=f"metadata.{key}")
    return dict(given)
