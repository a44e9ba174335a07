"""A host: a computer with an agent, and what it has to give."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

SILENT_AFTER = timedelta(seconds=15)  # a host that has not reported for so long is unreachable


@dataclass(frozen=True, slots=True, kw_only=True)
class Capacity:
    """What a host has and has promised. Bytes of pool, MB of memory, CPUs."""

    pool_bytes: int
    pool_promised: int
    memory_mb: int
    memory_promised_mb: int
    cpus: int
    encryption: str  # the EncryptionKind it chooses by default
    keeps: bool = False  # whether it keeps snapshots in the installation's store
    store_problem: str = ""  # why it cannot, just now

    @property
    def pool_free(self) -> int:
        """Bytes that may still be promised."""
        return max(0, self.pool_bytes - self.pool_promised)


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """As the catalog holds it; `address` is where its agent listens."""

    id: str
    region: str
    zone: str
    address: str
    capacity: Capacity
    last_seen: datetime

    def is_reachable(self, now: datetime) -> bool:
        """Whether it has reported lately."""
        return now - self.last_seen < SILENT_AFTER
