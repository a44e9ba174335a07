"""Whether the store can be used now: a cheap probe, and its answer as a value."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime

from caddis.backups.objects import Objects
from caddis.domain.errors import Problem


@dataclass(frozen=True, slots=True)
class StoreStatus:
    """Green when `reason` is None; else red, and why. `at` in UTC."""

    reason: str | None
    at: datetime

    @property
    def ok(self) -> bool:
        """Whether it could be written, read and deleted from."""
        return self.reason is None


def probe(objects: Objects, *, now: datetime) -> StoreStatus:
    """Put, get and delete a small object. Never raises a Problem: it becomes the reason."""
    name, content = f"probes/{secrets.token_hex(8)}", secrets.token_bytes(64)
    try:
        objects.put(name, content)
        back = objects.find(name)
        objects.delete(name)
    except Problem as problem:
        return StoreStatus(problem.message, now)
    if back != content:
        return StoreStatus(f"the store {objects.where} gave back something else than was written", now)
    return StoreStatus(None, now)
