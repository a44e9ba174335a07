"""Which addresses a machine has: pure arithmetic on a slot number."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass

SLOTS = 1000  # machines a host has addresses for; a /22 holds 1022
_FIRST = 10  # what slot 0 would have; below it are the bridge and room for services of the host


@dataclass(frozen=True, slots=True)
class Addresses:
    """Of one machine on this host."""

    v4: str
    v6: str


@dataclass(frozen=True, slots=True)
class Subnets:
    """What a host carves its machines' addresses from: an IPv4 /22 and an IPv6 /64."""

    v4: ipaddress.IPv4Network
    v6: ipaddress.IPv6Network

    @property
    def gateway(self) -> Addresses:
        """The bridge's own."""
        return Addresses(v4=str(self.v4[1]), v6=str(self.v6[1]))

    def of_slot(self, slot: int) -> Addresses:
        """The addresses of slot 1 to SLOTS; anything else is a bug of the caller's."""
        if not 1 <= slot <= SLOTS:
            raise ValueError(f"slot {slot} is not one of 1 to {SLOTS}")
        return Addresses(v4=str(self.v4[_FIRST + slot - 1]), v6=str(self.v6[_FIRST + slot - 1]))
