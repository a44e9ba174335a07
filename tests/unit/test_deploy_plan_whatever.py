"""Whatever an app is and whatever is wanted: no volume is given twice, no machine touched twice, no volume lost."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from caddis.cli.deploy.moves import (
    NEW_VOLUME,
    CreateVolume,
    Current,
    DestroyMachine,
    GroupWish,
    LaunchMachine,
    MachineNow,
    MountNow,
    MountWish,
    Owed,
    ReplaceMachine,
    UpdateMachine,
    VolumeNow,
    Wanted,
)
from caddis.cli.deploy.plan import onto_volumes, plan
from caddis.cli.deploy.schedule import greens_and_rest, rolling
from caddis.domain.errors import Problem

GROUPS, REGIONS, SOURCES = ("app", "web"), ("lhr", "ams"), ("data", "logs")
STATES = ("started", "stopped", "starting", "failed", "created")


@st.composite
def currents(draw: st.DrawFn) -> Current:
    """Machines, some with volumes of their own and some left half-way by a deploy that was killed; and free volumes."""
    count = draw(st.integers(0, 6))
    ids = [f"m{number}" for number in range(count)]
    heirs = st.sampled_from(["", "", "", "gone", *ids])
    machines = []
    for number, id in enumerate(ids):
        name, volume = draw(st.sampled_from((*SOURCES, ""))), f"vol_m{number}"
        mount = MountNow(volume=volume, name=name, path="/data") if draw(st.booleans()) else None
        replaces = draw(heirs)
        machines.append(
            MachineNow(
                id=id,
                group=draw(st.sampled_from((*GROUPS, "old"))),
                region=draw(st.sampled_from(REGIONS)),
                state=draw(st.sampled_from(STATES)),
                mount=mount,
                host_ok=draw(st.integers(0, 5)) > 0,
                is_standby=draw(st.integers(0, 5)) == 0,
                crashed=draw(st.booleans()),
                is_canary=draw(st.integers(0, 8)) == 0,
                replaces="" if replaces == id else replaces,
            )
        )
    free = draw(st.lists(st.tuples(st.sampled_from(SOURCES), st.sampled_from(REGIONS)), max_size=5))
    unattached = tuple(VolumeNow(id=f"vol_f{n}", name=name, region=region) for n, (name, region) in enumerate(free))
    owed = tuple(
        Owed(group=draw(st.sampled_from(GROUPS)), region=volume.region, volume=volume.id)
        for volume in unattached
        if draw(st.integers(0, 3)) == 0
    )
    return Current(machines=tuple(machines), unattached=unattached, is_first=draw(st.booleans()), owed=owed)


@st.composite
def wishes(draw: st.DrawFn) -> Wanted:
    groups = []
    for name in draw(st.lists(st.sampled_from(GROUPS), min_size=1, max_size=2, unique=True)):
        source = draw(st.sampled_from((*SOURCES, "")))
        mount = MountWish(source=source, destination=draw(st.sampled_from(("/data", "/srv")))) if source else None
        groups.append(GroupWish(name=name, mount=mount, has_services=draw(st.booleans())))
    return Wanted(
        groups=tuple(groups),
        region=draw(st.sampled_from(REGIONS)),
        ha=draw(st.booleans()),
        update_only=draw(st.booleans()),
    )


@settings(max_examples=400, deadline=None)
@given(current=currents(), wanted=wishes())
def test_nothing_is_given_touched_or_lost_twice(current: Current, wanted: Wanted) -> None:
    try:
        moves = plan(current, wanted).moves
    except Problem:
        return  # refused whole, before anything is done
    touched = [move.machine for move in moves if isinstance(move, DestroyMachine | UpdateMachine | ReplaceMachine)]
    assert len(touched) == len(set(touched))
    assert set(touched) <= {machine.id for machine in current.machines}

    held = {machine.id: machine.mount.volume for machine in current.machines if machine.mount}
    free = {volume.id for volume in current.unattached}
    given_to: list[str] = []
    made = sum(isinstance(move, CreateVolume) for move in moves)
    for move in moves:
        match move:
            case DestroyMachine(machine=machine):
                free |= {held[machine]} if machine in held else set()  # it stays, and whoever comes later may have it
            case UpdateMachine(machine=machine, volume=volume):
                assert volume == held.get(machine)  # the same machine keeps the same volume
            case ReplaceMachine(volume=volume, loses=loses, machine=machine):
                assert loses == held.get(machine)
                assert volume is None or volume != held.get(machine)  # so that both can be there for a moment
                given_to += [volume] if volume else []
            case LaunchMachine(volume=volume) if volume == NEW_VOLUME:
                made -= 1
            case LaunchMachine(volume=volume):
                given_to += [volume] if volume else []
    assert made == 0
    assert len(given_to) == len(set(given_to))
    assert set(given_to) <= free


@settings(max_examples=200, deadline=None)
@given(current=currents(), wanted=wishes(), share=st.floats(0.01, 9))
def test_every_change_is_in_one_stage_once(current: Current, wanted: Wanted, share: float) -> None:
    try:
        moves = plan(current, wanted).moves
    except Problem:
        return
    changes = [move for move in moves if isinstance(move, UpdateMachine | ReplaceMachine)]
    staged = [
        change
        for stages in rolling(changes, max_unavailable=share).values()
        for one in stages
        for change in one.changes
    ]
    assert sorted(change.machine for change in staged) == sorted(change.machine for change in changes)
    blue, rest = greens_and_rest(changes)
    assert sorted(change.machine for change in (*blue, *rest)) == sorted(change.machine for change in changes)


@settings(max_examples=200, deadline=None)
@given(current=currents(), wanted=wishes())
def test_a_rollback_puts_machines_on_new_volumes_and_only_sets_the_old_ones_aside(
    current: Current, wanted: Wanted
) -> None:
    try:
        before = plan(current, wanted)
    except Problem:
        return
    volumes = {machine.id: f"vol_new_{machine.id}" for machine in current.machines if machine.mount}
    after = onto_volumes(before, volumes)
    held = {machine.id: machine.mount.volume for machine in current.machines if machine.mount}
    for old, new in zip(before.moves, after.moves, strict=True):
        if isinstance(old, UpdateMachine | ReplaceMachine) and old.machine in volumes:
            assert isinstance(new, ReplaceMachine)
            assert (new.machine, new.volume, new.loses) == (old.machine, volumes[old.machine], held[old.machine])
        else:
            assert new == old
