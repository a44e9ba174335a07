"""`plan(now, wish) -> Plan`: which machines come and go, and with which volumes (facts: cli-deploy-launch 4.1). Pure.

Where flyctl takes machines away in the order of its list, here those go first that are missed least: standbys, those
that do not run, and of the others the newest (docs/decisions/0037).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from caddis.domain.errors import Invalid, Unreachable

NO_LIMIT = -1
_RUNS = frozenset({"started", "starting", "restarting", "updating", "replacing"})


@dataclass(frozen=True, slots=True, kw_only=True)
class MachineNow:
    """A machine that deploys manage. `created_at` as the API writes times, which sort as text."""

    id: str
    group: str
    region: str
    state: str = "started"
    volume: str | None = None
    is_standby: bool = False
    host_ok: bool = True
    created_at: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class VolumeNow:
    """A volume that no machine has, on a host that answers."""

    id: str
    name: str
    region: str
    created_at: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Now:
    """The app as it is."""

    machines: tuple[MachineNow, ...] = ()
    unattached: tuple[VolumeNow, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Mount:
    """What every machine of a group mounts: a volume of this name. Size in GB, for new ones."""

    name: str
    size_gb: int = 1
    encrypted: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupWish:
    """How many machines a group is to have in these regions; those elsewhere are left alone."""

    name: str
    count: int
    regions: tuple[str, ...]
    mount: Mount | None = None
    size: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What was asked for."""

    groups: tuple[GroupWish, ...]
    max_per_region: int = NO_LIMIT
    with_new_volumes: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Create:
    """A machine to come: with the volume of that id, with a new one, or (both unset) with none."""

    volume: str | None = None
    new_volume: Mount | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What becomes of one group in one region."""

    group: str
    region: str
    size: str
    creates: tuple[Create, ...] = ()
    destroys: tuple[MachineNow, ...] = ()

    @property
    def unattached(self) -> tuple[str, ...]:
        """Volumes that wait, and get a machine."""
        return tuple(create.volume for create in self.creates if create.volume is not None)

    @property
    def new_volumes(self) -> int:
        """How many volumes are made."""
        return sum(1 for create in self.creates if create.new_volume is not None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Nothing to do when it has no changes. `totals` are the machines that each group will have, everywhere."""

    changes: tuple[Change, ...] = ()
    totals: Mapping[str, int] = field(default_factory=dict)


def plan(now: Now, wish: Wish) -> Plan:
    """Checked whole before anything is done: Invalid or Unreachable where it cannot be."""
    spare = sorted(now.unattached, key=lambda volume: (volume.created_at, volume.id))
    changes: list[Change] = []
    totals: dict[str, int] = {}
    for group in wish.groups:
        mine = [machine for machine in now.machines if machine.group == group.name]
        current = Counter(machine.region for machine in mine)
        differences = converge(group.count, current, group.regions, wish.max_per_region)
        totals[group.name] = len(mine) + sum(differences.values())
        for region in group.regions:
            difference = differences.get(region, 0)
            if not difference:
                continue
            here = [machine for machine in mine if machine.region == region]
            creates = [_create(group, region, spare, wish) for _ in range(max(0, difference))]
            changes.append(
                Change(
                    group=group.name,
                    region=region,
                    size=group.size,
                    creates=tuple(creates),
                    destroys=_choose_to_go(here, max(0, -difference)),
                )
            )
    return Plan(changes=tuple(changes), totals=totals)


def converge(wanted: int, current: Mapping[str, int], regions: Sequence[str], max_per_region: int) -> dict[str, int]:
    """How many more (or less) each of the regions gets, so that together they have `wanted`.

    More are dealt out round-robin, from the first region on; fewer are taken from the last backwards.
    """
    if max_per_region >= 0 and len(regions) * max_per_region < wanted:
        raise Invalid(
            f"the number of regions ({len(regions)}) by --max-per-region {max_per_region} is fewer than the expected"
            f" total of {wanted}",
            hint="name more regions with --region, or allow more machines in each",
        )
    target = {
        region: current.get(region, 0) if max_per_region < 0 else min(current.get(region, 0), max_per_region)
        for region in regions
    }
    missing = wanted - sum(target.values())
    while missing > 0:
        for region in regions:
            if missing > 0 and (max_per_region < 0 or target[region] < max_per_region):
                target[region] += 1
                missing -= 1
    while missing < 0:
        for region in reversed(regions):
            if missing < 0 and target[region] > 0:
                target[region] -= 1
                missing += 1
    differences = {region: target[region] - current.get(region, 0) for region in regions}
    return {region: difference for region, difference in differences.items() if difference}


def _create(group: GroupWish, region: str, spare: list[VolumeNow], wish: Wish) -> Create:
    """Takes the volume out of `spare`, so that each is given out once."""
    if group.mount is None:
        return Create()
    if not wish.with_new_volumes:
        for volume in spare:
            if volume.name == group.mount.name and volume.region == region:
                spare.remove(volume)
                return Create(volume=volume.id)
    return Create(new_volume=group.mount)


def _choose_to_go(machines: Iterable[MachineNow], count: int) -> tuple[MachineNow, ...]:
    """Those that are missed least. One on a silent host is chosen before one that works, and then nothing is done."""
    newest_first = sorted(machines, key=lambda machine: (machine.created_at, machine.id), reverse=True)
    ordered = sorted(
        newest_first,
        key=lambda machine: (machine.host_ok, not machine.is_standby, machine.state in _RUNS),
    )
    going = tuple(ordered[:count])
    for machine in going:
        if not machine.host_ok:
            raise Unreachable(
                f"machine {machine.id} [{machine.group}] is on a host that does not answer: it cannot be destroyed now,"
                " and one that works is not destroyed in its place",
                hint="run this again when the host is back, or choose one yourself: fly machine destroy ID --force",
            )
    return going
