"""Which subnets a host carves its machines' addresses from. Pure."""

from __future__ import annotations

import hashlib
import ipaddress
from collections.abc import Iterable

from caddis.domain.errors import NoCapacity

RANGE_V4 = ipaddress.IPv4Network("198.18.0.0/15")  # for benchmarks of networks (RFC 2544): nobody routes it, few use it
RANGE_V6 = ipaddress.IPv6Network("fdaa::/16")  # private, and what Fly's own private addresses begin with
_BITS_V4 = 22  # 1022 addresses


def choose_v4(taken: Iterable[str]) -> ipaddress.IPv4Network:
    """The first /22 that overlaps no destination of `taken`; NoCapacity when there is none."""
    occupied = [ipaddress.IPv4Network(destination, strict=False) for destination in taken]
    for candidate in RANGE_V4.subnets(new_prefix=_BITS_V4):
        if not any(candidate.overlaps(network) for network in occupied):
            return candidate
    raise NoCapacity(
        f"every /{_BITS_V4} of {RANGE_V4} has a route already: there are no addresses for another host's machines",
        hint="ip route show root 198.18.0.0/15",
    )


def derive_v6(instance: str, host: str) -> ipaddress.IPv6Network:
    """fdaa:<instance>:<host>::/64, the instance's 32 bits and 16 of a hash of the host's name."""
    own = hashlib.blake2s(instance.encode(), digest_size=4).digest() if len(instance) != 8 else _hex(instance)
    here = hashlib.blake2s(host.encode(), digest_size=2).digest()
    number = int.from_bytes(b"\xfd\xaa" + own + here + bytes(8), "big")
    return ipaddress.IPv6Network((number, 64))


def _hex(instance: str) -> bytes:
    try:
        return bytes.fromhex(instance)
    except ValueError:
        return hashlib.blake2s(instance.encode(), digest_size=4).digest()
