"""What the installation as a whole can take."""

from __future__ import annotations

from collections.abc import Sequence

from caddis.domain.host import Host
from caddis.wire.placement import Placement, PlacementRequest


def choose_placements(request: PlacementRequest, hosts: Sequence[Host]) -> list[Placement]:
    """How many of the wanted machines, with their volumes, each region could take; best region first. Pure."""
    memory_mb = request.compute.memory_mb if request.compute else 0
    found = []
    for region in sorted({host.region for host in hosts}):
        if request.regions and region not in request.regions:
            continue
        room = sum(_room(host, memory_mb, request.volume_size_bytes) for host in hosts if host.region == region)
        if room:
            found.append(Placement(region=region, count=min(room, request.count), concurrency=min(room, request.count)))
    order = {region: position for position, region in enumerate(request.regions)}
    return sorted(found, key=lambda placement: (-placement.count, order.get(placement.region, 0), placement.region))


_MANY = 1000  # machines that ask for nothing


def _room(host: Host, memory_mb: int, volume_bytes: int) -> int:
    left = max(0, host.capacity.memory_mb - host.capacity.memory_promised_mb)
    by_memory = left // memory_mb if memory_mb else _MANY
    by_pool = host.capacity.pool_free // volume_bytes if volume_bytes else _MANY
    return min(by_memory, by_pool)
