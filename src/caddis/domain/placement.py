"""Which hosts may take a new volume or machine, best first. Pure; the host itself has the last word."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from caddis.domain.errors import Invalid, NoCapacity
from caddis.domain.host import Host
from caddis.domain.machine import DEFAULT_SCRATCH_GB
from caddis.domain.sizes import format_bytes, gb_to_bytes
from caddis.domain.volume import MORE_SPACE


@dataclass(frozen=True, slots=True, kw_only=True)
class Sibling:
    """A volume of the same app that already stands somewhere."""

    name: str
    region: str
    zone: str


@dataclass(frozen=True, slots=True, kw_only=True)
class VolumeWish:
    """What the new volume asks of its host."""

    name: str
    region: str
    size_gb: int
    require_unique_zone: bool = True
    unique_zone_app_wide: bool = False
    memory_mb: int = 0  # of the machine that is to have it; 0 where nobody said


def check_region(region: str, hosts: Iterable[Host]) -> str:
    """The region itself; Invalid unless some host is in it."""
    known = sorted({host.region for host in hosts})
    if region not in known:
        raise Invalid(
            f"region {region} not found: this installation has {', '.join(known) or 'no hosts yet'}", field="region"
        )
    return region


def choose_volume_hosts(wish: VolumeWish, hosts: Sequence[Host], siblings: Iterable[Sibling]) -> list[Host]:
    """Hosts to ask in turn: with room for the machine too, then in zones without siblings, then the emptiest pool.

    Raises NoCapacity, and says what would help, when no host of the region can take the volume.
    """
    check_region(wish.region, hosts)
    taken = [
        sibling.zone
        for sibling in siblings
        if sibling.region == wish.region and (wish.unique_zone_app_wide or sibling.name == wish.name)
    ]
    here = [host for host in hosts if host.region == wish.region]
    if wish.require_unique_zone:
        apart = [host for host in here if host.zone not in taken]
        if not apart:
            zones = sorted({host.zone for host in here})
            raise NoCapacity(
                f"every zone of region {wish.region} ({', '.join(zones)}) already has a volume named {wish.name}:"
                " a unique zone needs another host",
                hint="add a host in another zone (caddis up --hosts 2 to practise), or accept one zone for both:"
                f" fly volumes create {wish.name} --region {wish.region} --require-unique-zone=false",
            )
        here = apart
    size = gb_to_bytes(wish.size_gb)
    roomy = [host for host in here if host.capacity.pool_free >= size]
    if not roomy:
        most = max(host.capacity.pool_free for host in here)
        raise NoCapacity(
            f"no host of region {wish.region} has {wish.size_gb} GB left in its pool:"
            f" the most that one can give is {format_bytes(most)}",
            hint=MORE_SPACE,
        )
    return sorted(
        roomy,
        key=lambda host: (not _fits_machine(wish, host), taken.count(host.zone), -host.capacity.pool_free, host.id),
    )


def _fits_machine(wish: VolumeWish, host: Host) -> bool:
    """Whether the machine that is to have the volume will find memory, and place for its root, on the same host."""
    if not wish.memory_mb:
        return True
    left = host.capacity.memory_mb - host.capacity.memory_promised_mb
    return left >= wish.memory_mb and host.capacity.pool_free >= gb_to_bytes(wish.size_gb + DEFAULT_SCRATCH_GB)


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """What a volume is copied from: a volume or a snapshot (`what` names it), and where it is."""

    host: str
    region: str
    size_gb: int
    what: str
    volume_id: str  # itself, or whose snapshot it is
    is_local: bool = True  # its host has it
    encrypted: bool = True
    is_kept: bool = False  # it is in the installation's store, or can be brought there


def choose_copy_hosts(
    wish: VolumeWish, hosts: Sequence[Host], siblings: Iterable[Sibling], source: Source
) -> list[Host]:
    """Hosts for a copy, in turn: in a zone of its own first, then beside the source; there it is made at once.

    A unique zone is a wish here and no demand: a copy beside its origin is better than none. Other hosts get it from
    the installation's store. Raises as `choose_volume_hosts`.
    """
    local = {source.host} if source.is_local else set()
    able = [host for host in hosts if host.id in local or (source.is_kept and host.capacity.keeps)]
    check_region(wish.region, hosts)
    if not any(host.region == wish.region for host in able):
        raise Invalid(
            f"{source.what} cannot be copied to region {wish.region}: it is only on its host in {source.region}",
            hint="leave --region out; or keep snapshots where all hosts reach them: caddis store set URL",
            field="region",
        )
    known = list(siblings)
    relaxed = replace(wish, require_unique_zone=False, unique_zone_app_wide=False)
    chosen = choose_volume_hosts(relaxed, able, known)
    apart = {host.id for host in _apart(wish, able, known)} if wish.require_unique_zone else set()
    return sorted(chosen, key=lambda host: (host.id not in apart and bool(apart), host.id != source.host))


def _apart(wish: VolumeWish, hosts: Sequence[Host], siblings: Sequence[Sibling]) -> list[Host]:
    try:
        return choose_volume_hosts(wish, hosts, siblings)
    except NoCapacity:
        return []


def choose_machine_hosts(
    region: str, memory_mb: int, hosts: Sequence[Host], *, siblings: Mapping[str, int] | None = None
) -> list[Host]:
    """Hosts to ask in turn for a machine without a volume: where the fewest of its own kind are, then the emptiest.

    `siblings` counts, by host, the machines that do the same: two of them are to survive the end of one zone or host.
    """
    check_region(region, hosts)
    here = [host for host in hosts if host.region == region]

    def left(host: Host) -> int:
        return host.capacity.memory_mb - host.capacity.memory_promised_mb

    roomy = [host for host in here if left(host) >= memory_mb]
    if not roomy:
        raise NoCapacity(
            f"no host of region {region} has {memory_mb} MB of memory left:"
            f" the most that one can give is {max(left(host) for host in here)} MB",
            hint="choose a smaller --vm-memory, or destroy machines that are not needed",
        )
    on_host = siblings or {}
    in_zone: Counter[str] = Counter()
    for host in here:
        in_zone[host.zone] += on_host.get(host.id, 0)
    return sorted(roomy, key=lambda host: (in_zone[host.zone], on_host.get(host.id, 0), -left(host), host.id))
