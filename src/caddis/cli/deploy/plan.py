"""`plan(current, wanted) -> moves`: pure (facts: cli-deploy-launch 1.4 and 1.6).

Where flyctl's behaviour is called a likely mistake there, the sensible thing is done; where a group has a mount and two
volumes wait for it, both are used (docs/decisions/0014).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from caddis.cli.deploy.moves import (
    NEW_VOLUME,
    CreateVolume,
    Current,
    DestroyMachine,
    Detach,
    GroupWish,
    LaunchMachine,
    MachineNow,
    MountWish,
    Move,
    Owed,
    Plan,
    ReplaceMachine,
    UpdateMachine,
    VolumeNow,
    Wanted,
)
from caddis.domain.errors import Conflict, Invalid, Unreachable

DEFAULT_VOLUME_GB = 1
REDUNDANT = 2  # machines of a new group that can have more than one
_RUNS = frozenset({"started", "starting", "restarting", "failed", "updating", "replacing"})


def plan(current: Current, wanted: Wanted) -> Plan:
    """What to do, checked whole before anything is done; Invalid, Conflict or Unreachable where it cannot be."""
    settled, left_over, freed = _settle(current.machines)
    current = replace(current, machines=settled)
    spare = _Spare((*current.unattached, *freed))
    known = {group.name for group in wanted.groups}
    gone = [machine for machine in current.machines if machine.group not in known]
    owed = _pay(current.owed, wanted.groups, spare)
    changes: list[Move] = []
    questions: list[Detach] = []
    for group in wanted.groups:
        machines = sorted((one for one in current.machines if one.group == group.name), key=lambda one: one.id)
        _check_sources(group, machines)
        _check_enough(group, machines, spare)
        for machine in machines:
            changes.append(_change(group, machine, spare))
            if group.mount is None and machine.mount is not None:
                questions.append(Detach(machine=machine.id, group=group.name, volume=machine.mount.volume))
    peopled = {machine.group for machine in current.machines} | {move.group for move in owed}
    volumes: list[CreateVolume] = []
    launches: list[LaunchMachine] = []
    for group in wanted.groups:
        if group.name not in peopled and not (wanted.update_only and not current.is_first):
            made, launched = _launch(group, current, wanted, spare)
            volumes += made
            launches += launched
    destroyed = [DestroyMachine(machine=one.id, group=one.group) for one in sorted(gone, key=lambda one: one.id)]
    return Plan(
        moves=(*volumes, *left_over, *destroyed, *owed, *launches, *changes),
        questions=tuple(questions),
        announcements=_announce(launches, destroyed, is_first=current.is_first),
    )


def _settle(
    machines: Sequence[MachineNow],
) -> tuple[tuple[MachineNow, ...], list[DestroyMachine], list[VolumeNow]]:
    """What a deploy that was killed left half-way: the machines that count, those that go, and the volumes of these.

    A machine that was to take another's place goes as long as that one is there, and is the machine once it is not, or
    as long as the other's host does not answer.
    """
    taken = {machine.replaces for machine in machines}
    machines = [machine for machine in machines if machine.host_ok or machine.id not in taken]
    there = {machine.id for machine in machines}
    heirs = {machine.id for machine in machines if machine.replaces not in there}
    settled, going, freed = [], [], []
    for machine in machines:
        if machine.is_canary or machine.replaces in there or machine.replaced_by in heirs:
            going.append(DestroyMachine(machine=machine.id, group=machine.group, is_left_over=True))
            if machine.mount is not None:
                mount = machine.mount
                freed.append(VolumeNow(id=mount.volume, name=mount.name, region=machine.region))
        else:
            settled.append(replace(machine, crashed=True) if machine.replaces else machine)
    return tuple(settled), going, freed


def _pay(owed: Iterable[Owed], groups: Iterable[GroupWish], spare: _Spare) -> list[LaunchMachine]:
    """The machines that an earlier deploy destroyed and could not create anew, where their volume still waits."""
    sources = {group.name: group.mount.source for group in groups if group.mount is not None}
    return [
        LaunchMachine(group=one.group, region=one.region, volume=one.volume, is_owed=True)
        for one in owed
        if one.group in sources and spare.take_this(one.volume, sources[one.group])
    ]


class _Spare:
    """Volumes that wait for a machine; each is given out once."""

    def __init__(self, volumes: Iterable[VolumeNow]) -> None:
        self._left = list(volumes)

    def count(self, name: str, region: str) -> int:
        return sum(1 for volume in self._left if volume.name == name and volume.region == region)

    def take_this(self, volume_id: str, name: str) -> bool:
        """Whether it was there, with that name; it is given out now."""
        for volume in self._left:
            if volume.id == volume_id and volume.name == name:
                self._left.remove(volume)
                return True
        return False

    def take(self, name: str, region: str) -> str | None:
        for volume in self._left:
            if volume.name == name and volume.region == region:
                self._left.remove(volume)
                return volume.id
        return None


def _check_sources(group: GroupWish, machines: Sequence[MachineNow]) -> None:
    """Another source means another volume, and a deploy never swaps data below an app."""
    for machine in machines:
        old, new = machine.mount, group.mount
        if old is not None and new is not None and old.name and old.name != new.source:
            raise Conflict(
                f"machine {machine.id} [{group.name}] has volume {old.volume} named {old.name!r} attached, and fly.toml"
                f" now asks for one named {new.source!r}: a deploy does not swap a machine's volume for another",
                hint=f'Keep source = "{old.name}", or destroy the machine (its volume stays) and deploy again:'
                f" fly machine destroy --force {machine.id}",
            )


def _check_enough(group: GroupWish, machines: Sequence[MachineNow], spare: _Spare) -> None:
    """Mounts were added: every machine needs a volume of its own, in its own region."""
    if group.mount is None:
        return
    source = group.mount.source
    needed = Counter(machine.region for machine in machines if machine.mount is None)
    missing = {region: count - spare.count(source, region) for region, count in sorted(needed.items())}
    commands = [f"fly volume create {source} -r {region} -n {count}" for region, count in missing.items() if count > 0]
    if commands:
        raise Invalid(
            f"process group '{group.name}' needs volumes with name '{source}' to fulfill mounts defined in fly.toml",
            hint="Run " + "\n    ".join(f"`{command}`" for command in commands) + ", then deploy again.",
        )


def _change(group: GroupWish, machine: MachineNow, spare: _Spare) -> Move:
    old, new = machine.mount, group.mount
    if (old is None) != (new is None):
        volume = _claim(group.name, new, machine.region, spare) if new is not None else None
        return ReplaceMachine(
            machine=machine.id,
            group=group.name,
            region=machine.region,
            volume=volume,
            skip_launch=_stays_stopped(machine),
            loses=old.volume if old is not None else None,
        )
    if not machine.host_ok:
        if old is not None:
            raise Unreachable(
                f"machine {machine.id} [{group.name}] needs you:"
                f" its volume {old.volume} is on a host that does not answer",
                hint="Bring the host back and deploy again, or deploy without this machine:"
                f" --exclude-machines {machine.id}",
            )
        return ReplaceMachine(machine=machine.id, group=group.name, region=machine.region)
    return UpdateMachine(
        machine=machine.id,
        group=group.name,
        volume=old.volume if old is not None else None,
        skip_launch=_stays_stopped(machine),
        path_changed=old is not None and new is not None and bool(old.name) and old.path != new.destination,
        region=machine.region,
    )


def _stays_stopped(machine: MachineNow) -> bool:
    return machine.is_standby or (machine.state not in _RUNS and not machine.crashed)


def onto_volumes(the_plan: Plan, volumes: Mapping[str, str]) -> Plan:
    """The plan with machines (by id) on other volumes: a rollback brings data back beside the data that is."""
    moves: list[Move] = []
    for move in the_plan.moves:
        if isinstance(move, UpdateMachine | ReplaceMachine) and move.machine in volumes:
            held = move.volume if isinstance(move, UpdateMachine) else move.loses
            moves.append(
                ReplaceMachine(
                    machine=move.machine,
                    group=move.group,
                    region=move.region,
                    volume=volumes[move.machine],
                    skip_launch=move.skip_launch,
                    loses=held,
                )
            )
        else:
            moves.append(move)
    return replace(the_plan, moves=tuple(moves))


def _launch(
    group: GroupWish, current: Current, wanted: Wanted, spare: _Spare
) -> tuple[list[CreateVolume], list[LaunchMachine]]:
    """A group without machines."""
    region = wanted.region
    if group.mount is None:
        launches = [LaunchMachine(group=group.name, region=region)]
        if wanted.ha:
            launches.append(LaunchMachine(group=group.name, region=region, standby=not group.has_services))
        return [], launches
    waiting = spare.count(group.mount.source, region)
    if waiting == 0 and current.is_first:
        size = group.mount.initial_size or wanted.volume_size or DEFAULT_VOLUME_GB
        volume = CreateVolume(
            group=group.name,
            name=group.mount.source,
            region=region,
            size_gb=size,
            snapshot_retention=group.mount.snapshot_retention,
            scheduled_snapshots=group.mount.scheduled_snapshots,
        )
        return [volume], [LaunchMachine(group=group.name, region=region, volume=NEW_VOLUME)]
    count = min(REDUNDANT, max(1, waiting)) if wanted.ha else 1
    return [], [
        LaunchMachine(group=group.name, region=region, volume=_claim(group.name, group.mount, region, spare))
        for _ in range(count)
    ]


def _claim(group: str, mount: MountWish, region: str, spare: _Spare) -> str:
    volume = spare.take(mount.source, region)
    if volume is None:
        raise Invalid(
            f"creating a new machine in group '{group}' requires an unattached '{mount.source}' volume"
            f" in region {region}",
            hint=f"Run `fly volume create {mount.source} -r {region} -n 1`, then deploy again.",
        )
    return volume


def _announce(
    launches: Sequence[LaunchMachine], destroyed: Sequence[DestroyMachine], *, is_first: bool
) -> tuple[str, ...]:
    if not launches and not destroyed:
        return ()
    lines = ["This deployment will:" if is_first else "Process groups have changed. This will:"]
    for group, count in Counter(one.group for one in launches if not one.standby).items():
        standby = any(one.standby for one in launches if one.group == group)
        lines.append(f" * create {_machines(count, group)}{' and 1 standby machine for it' if standby else ''}")
    for group, count in Counter(one.group for one in destroyed).items():
        lines.append(f" * destroy {_machines(count, group)}")
    return tuple(lines)


def _machines(count: int, group: str) -> str:
    return f'{count} "{group}" machine{"" if count == 1 else "s"}'
