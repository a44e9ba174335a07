"""What is told of an indexed machine or volume: its host's last words, marked when the host has fallen silent."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec

from caddis.catalog.index import Indexed
from caddis.domain.host import SILENT_AFTER
from caddis.wire.machine import with_host_status

UNREACHABLE = "unreachable"

Shown = msgspec.Raw | Mapping[str, Any]


def is_silent(indexed: Indexed, now: datetime) -> bool:
    """Whether its host has not reported lately."""
    return now - indexed.host_seen >= SILENT_AFTER


def show(indexed: Indexed, *, silent: bool) -> Shown:
    """The object to answer with. Untouched, the host's own JSON is passed on without being decoded: lists are long."""
    if not silent:
        return msgspec.Raw(indexed.body.encode())
    return with_host_status(msgspec.json.decode(indexed.body), UNREACHABLE)
