"""A lease: one caller's claim to change one machine, for a while (facts: machines-api 4.8)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from caddis.domain.errors import LeaseHeld

DEFAULT_TTL = 120  # seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """`nonce` proves ownership; it ends by itself at `expires_at`."""

    machine: str
    nonce: str
    owner: str
    description: str
    expires_at: datetime

    def is_over(self, now: datetime) -> bool:
        """Whether it has ended by itself."""
        return now >= self.expires_at


def check_lease(lease: Lease | None, nonce: str | None, *, now: datetime) -> None:
    """Raises LeaseHeld when someone else holds the machine."""
    if lease is None or lease.is_over(now) or lease.nonce == nonce:
        return
    raise LeaseHeld(
        f"machine {lease.machine}: lease currently held by {lease.owner}, expires at {lease.expires_at:%H:%M:%S} UTC",
        hint="another deploy may be at work. A lease that nobody keeps fresh ends by itself; to take it away from one"
        f" that is dead: fly machine leases clear {lease.machine}",
    )
