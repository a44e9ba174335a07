"""What several recipes share: values to and from the book's JSON, and history."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec

from caddis.agent.book import Reader
from caddis.domain.errors import NoCapacity
from caddis.domain.ids import ulid
from caddis.domain.machine import Event, Machine
from caddis.domain.sizes import format_bytes, gb_to_bytes
from caddis.domain.snapshot import Origin, Snapshot
from caddis.domain.volume import MORE_SPACE, Volume


def dump(value: object) -> Any:
    """A domain value as JSON for an operation's inputs."""
    return msgspec.to_builtins(value)


def load_volume(document: Mapping[str, Any]) -> Volume:
    """The volume of an operation's inputs."""
    return msgspec.convert(document, type=Volume)


def load_snapshot(document: Mapping[str, Any], origin: Origin) -> Snapshot:
    """The snapshot of an operation's inputs, which do not hold its origin."""
    return msgspec.convert({**document, "origin": msgspec.to_builtins(origin)}, type=Snapshot)


def check_pool(book: Reader, capacity_bytes: int, more_gb: int, what: str) -> None:
    """NoCapacity, in words for `what`, unless the pool can promise so many GB more."""
    free = int(capacity_bytes) - book.promised().pool_bytes
    if gb_to_bytes(more_gb) > free:
        raise NoCapacity(
            f"this host's pool has {format_bytes(max(0, free))} left, too little {what}",
            hint=MORE_SPACE,
        )


def load_machine(document: Mapping[str, Any]) -> Machine:
    """The machine of an operation's inputs."""
    return msgspec.convert(document, type=Machine, strict=False)


def make_event(
    type: str,
    status: str,
    at: datetime,
    entropy: bytes,
    *,
    source: str = "flyd",
    request: Mapping[str, Any] | None = None,
) -> Event:
    """A line of history with an id that sorts by time."""
    id = ulid(int(at.timestamp() * 1000), entropy)
    return Event(id=id, type=type, status=status, source=source, at=at, request=request)
