"""What the installation as a whole can take."""

from __future__ import annotations

from collections.abc import Sequence

from caddis.domain.host import Host
from caddis.domain.machine import DEFAULT_SCRATCH_GB, Guest
from caddis.domain.sizes import gb_to_bytes
from caddis.wire.placement import Placement, PlacementRequest


def choose_placements(request: PlacementRequest, hosts: Sequence[Host]) -> list[Placement]:
    """How many of the wanted machines, with their volumes, each region could take; best region first. Pure.

    `hosts` are those that answer: what the others have cannot be promised.
    """
    memory_mb = (request.compute or Guest()).memory_mb
    found = []
    for region in sorted({host.region for host in hosts}):
        if not request.anywhere and region not in request.regions:
            continue
        room = sum(_room(host, memory_mb, request.volume_size_bytes) for host in hosts if host.region == region)
        if room:
            found.append(Placement(region=region, count=min(room, request.count), concurrency=min(room, request.count)))
    order = {region: position for position, region in enumerate(request.regions)}
    last = len(order)
    return sorted(found, key=lambda placement: (-placement.count, order.get(placement.region, last), placement.region))


def _room(host: Host, memory_mb: int, volume_bytes: int) -> int:
    """A machine takes memory, and of the pool its volume and the place of its root file system."""
    left = max(0, host.capacity.memory_mb - host.capacity.memory_promised_mb)
    return min(left // memory_mb, host.capacity.pool_free // (volume_bytes + gb_to_bytes(DEFAULT_SCRATCH_GB)))
