"""A page of log lines, as flyctl polls for them (facts: flyctl-calls 1.8)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from caddis.domain.errors import Problem
from caddis.wire.reading import Reader
from caddis.wire.time import time_from_wire, time_to_wire


@dataclass(frozen=True, slots=True, kw_only=True)
class LogLine:
    """One line of one machine's output; `instance` is the machine's id."""

    id: str
    at: datetime
    message: str
    instance: str
    region: str
    level: str = "info"
    meta: Mapping[str, Any] = field(default_factory=dict)


def log_page_to_wire(lines: Iterable[LogLine], *, next_token: str) -> dict[str, Any]:
    """A page, oldest line first; `next_token` asks for what comes after it."""
    data = [
        {
            "id": line.id,
            "attributes": {
                "timestamp": time_to_wire(line.at),
                "message": line.message,
                "level": line.level,
                "instance": line.instance,
                "region": line.region,
                "meta": dict(line.meta),
            },
        }
        for line in lines
    ]
    return {"data": data, "meta": {"next_token": next_token}}


def log_page_from_wire(document: object) -> tuple[list[LogLine], str]:
    """The lines of a page and the token for the next; Problem when a server answered something else."""
    try:
        reader = Reader(document)
        meta = reader.find_object("meta")
        lines = [_line(entry) for entry in reader.objects("data")]
        return lines, meta.text("next_token") if meta else ""
    except Problem as problem:
        raise Problem(f"the server's log page cannot be read: {problem.message}") from None


def _line(entry: Reader) -> LogLine:
    attributes = Reader(entry.document.get("attributes"), entry.at("attributes"))
    meta = attributes.find_object("meta")
    return LogLine(
        id=entry.text("id"),
        at=time_from_wire(attributes.text("timestamp"), field=attributes.at("timestamp")),
        message=attributes.text("message"),
        level=attributes.text("level", "info"),
        instance=attributes.text("instance"),
        region=attributes.text("region"),
        meta=meta.document if meta else {},
    )
