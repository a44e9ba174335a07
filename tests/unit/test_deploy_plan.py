"""The deploy planner, as tables (facts: cli-deploy-launch 1.4 and 1.6)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from caddis.cli.deploy.moves import (
    NEW_VOLUME,
    CreateVolume,
    Current,
    DestroyMachine,
    Detach,
    GroupWish,
    LaunchMachine,
    MachineNow,
    MountNow,
    MountWish,
    ReplaceMachine,
    UpdateMachine,
    VolumeNow,
    Wanted,
)
from caddis.cli.deploy.plan import plan
from caddis.domain.errors import Conflict, Invalid, Unreachable

DATA = MountWish(source="data", destination="/data")
PLAIN = GroupWish(name="app")
SERVING = GroupWish(name="app", has_services=True)
MOUNTED = GroupWish(name="app", mount=DATA, has_services=True)


def wanted(
    *groups: GroupWish, ha: bool = True, region: str = "lhr", update_only: bool = False, size: int = 0
) -> Wanted:
    return Wanted(groups=groups, region=region, ha=ha, update_only=update_only, volume_size=size)


def volume(number: int, *, name: str = "data", region: str = "lhr") -> VolumeNow:
    return VolumeNow(id=f"vol_{number}", name=name, region=region)


def machine(number: int = 1, *, mount: MountNow | None = None, **more: object) -> MachineNow:
    return replace(MachineNow(id=f"m{number}", group="app", region="lhr", mount=mount), **more)  # type: ignore[arg-type]


def attached(number: int = 1, *, name: str = "data", path: str = "/data") -> MountNow:
    return MountNow(volume=f"vol_{number}", name=name, path=path)


def launch(volume: str | None = None, *, group: str = "app", standby: bool = False) -> LaunchMachine:
    return LaunchMachine(group=group, region="lhr", volume=volume, standby=standby)


FIRST = Current(is_first=True)


# --- 1.4 how many machines a group without any gets ------------------------------------------------------------------
@pytest.mark.parametrize(
    ("group", "ha", "expected"),
    [
        (MOUNTED, True, [launch(NEW_VOLUME)]),
        (MOUNTED, False, [launch(NEW_VOLUME)]),
        (SERVING, True, [launch(), launch()]),
        (SERVING, False, [launch()]),
        (PLAIN, True, [launch(), launch(standby=True)]),
        (PLAIN, False, [launch()]),
    ],
)
def test_a_group_without_machines_gets_as_many_as_its_kind_calls_for(
    group: GroupWish, ha: bool, expected: list[LaunchMachine]
) -> None:
    launches = [move for move in plan(FIRST, wanted(group, ha=ha)).moves if isinstance(move, LaunchMachine)]
    assert launches == expected


@pytest.mark.parametrize(
    ("waiting", "ha", "volumes"),
    [(1, True, ["vol_1"]), (2, True, ["vol_1", "vol_2"]), (3, True, ["vol_1", "vol_2"]), (2, False, ["vol_1"])],
)
def test_a_group_with_a_mount_uses_up_to_two_volumes_that_wait_for_it(
    waiting: int, ha: bool, volumes: list[str]
) -> None:
    current = Current(is_first=True, unattached=tuple(volume(number) for number in range(1, waiting + 1)))
    assert list(plan(current, wanted(MOUNTED, ha=ha)).moves) == [launch(one) for one in volumes]


def test_a_group_that_was_scaled_to_nothing_takes_up_its_volumes_again() -> None:
    current = Current(unattached=(volume(1), volume(2)))
    assert list(plan(current, wanted(MOUNTED)).moves) == [launch("vol_1"), launch("vol_2")]


def test_what_will_be_created_is_announced_first() -> None:
    worker = GroupWish(name="worker")
    announced = plan(FIRST, wanted(SERVING, worker)).announcements
    assert announced == (
        "This deployment will:",
        ' * create 2 "app" machines',
        ' * create 1 "worker" machine and 1 standby machine for it',
    )


def test_a_group_that_left_fly_toml_loses_its_machines() -> None:
    old = machine(7, group="old")
    result = plan(Current(machines=(machine(1), old)), wanted(SERVING))
    assert result.moves == (
        DestroyMachine(machine="m7", group="old"),
        UpdateMachine(machine="m1", group="app", region="lhr"),
    )
    assert result.announcements == ("Process groups have changed. This will:", ' * destroy 1 "old" machine')


def test_update_only_creates_no_machines_for_new_groups() -> None:
    result = plan(Current(machines=(machine(1),)), wanted(SERVING, GroupWish(name="worker"), update_only=True))
    assert result.moves == (UpdateMachine(machine="m1", group="app", region="lhr"),)


# --- 1.6 A: the first deploy -----------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("mount", "flag", "size"),
    [
        (replace(DATA, initial_size=10), 7, 10),
        (DATA, 7, 7),
        (DATA, 0, 1),
    ],
)
def test_a_first_deploy_creates_a_missing_volume_of_the_size_that_is_said_closest(
    mount: MountWish, flag: int, size: int
) -> None:
    result = plan(FIRST, wanted(GroupWish(name="app", mount=mount), size=flag))
    assert result.moves == (
        CreateVolume(group="app", name="data", region="lhr", size_gb=size),
        launch(NEW_VOLUME),
    )


def test_a_first_deploy_passes_the_mounts_snapshot_settings_on() -> None:
    mount = replace(DATA, snapshot_retention=14, scheduled_snapshots=False)
    created = plan(FIRST, wanted(GroupWish(name="app", mount=mount))).moves[0]
    assert isinstance(created, CreateVolume)
    assert (created.snapshot_retention, created.scheduled_snapshots) == (14, False)


def test_two_groups_of_one_source_each_get_a_volume_of_their_own() -> None:
    other = GroupWish(name="other", mount=DATA)
    current = Current(is_first=True, unattached=(volume(1),))
    assert plan(current, wanted(MOUNTED, other)).moves == (
        CreateVolume(group="other", name="data", region="lhr", size_gb=1),
        launch("vol_1"),
        launch(NEW_VOLUME, group="other"),
    )


def test_a_volume_that_waits_in_another_region_does_not_stand_in_the_way() -> None:
    current = Current(is_first=True, unattached=(volume(1, region="ams"),))
    assert isinstance(plan(current, wanted(MOUNTED)).moves[0], CreateVolume)


# --- 1.6 B: what is checked before anything changes ------------------------------------------------------------------
def test_a_new_group_without_a_volume_is_refused_with_the_command_that_helps() -> None:
    with pytest.raises(Invalid) as refused:
        plan(Current(machines=(machine(1, group="web"),)), wanted(GroupWish(name="web"), MOUNTED))
    assert refused.value.message == (
        "creating a new machine in group 'app' requires an unattached 'data' volume in region lhr"
    )
    assert refused.value.hint == "Run `fly volume create data -r lhr -n 1`, then deploy again."


def test_added_mounts_without_volumes_are_refused_with_every_command_that_helps() -> None:
    machines = (machine(1), machine(2), machine(3, region="ams"))
    with pytest.raises(Invalid) as refused:
        plan(Current(machines=machines, unattached=(volume(1),)), wanted(MOUNTED))
    assert refused.value.message == (
        "process group 'app' needs volumes with name 'data' to fulfill mounts defined in fly.toml"
    )
    assert refused.value.hint == (
        "Run `fly volume create data -r ams -n 1`\n    `fly volume create data -r lhr -n 1`, then deploy again."
    )


def test_removed_mounts_are_asked_about_machine_by_machine() -> None:
    machines = (machine(1, mount=attached(1)), machine(2, mount=attached(2)), machine(3))
    result = plan(Current(machines=machines), wanted(SERVING))
    assert result.questions == (
        Detach(machine="m1", group="app", volume="vol_1"),
        Detach(machine="m2", group="app", volume="vol_2"),
    )


def test_another_source_is_refused_and_says_how() -> None:
    with pytest.raises(Conflict) as refused:
        plan(Current(machines=(machine(1, mount=attached(1, name="old")),)), wanted(MOUNTED))
    assert "has volume vol_1 named 'old' attached" in refused.value.message
    assert "fly machine destroy --force m1" in (refused.value.hint or "")


# --- 1.6 C: changing a machine ---------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("old", "group", "expected"),
    [
        (None, SERVING, UpdateMachine(machine="m1", group="app", region="lhr")),
        (None, MOUNTED, ReplaceMachine(machine="m1", group="app", region="lhr", volume="vol_9")),
        (attached(1), SERVING, ReplaceMachine(machine="m1", group="app", region="lhr", loses="vol_1")),
        (attached(1, name=""), MOUNTED, UpdateMachine(machine="m1", group="app", region="lhr", volume="vol_1")),
        (
            attached(1, path="/old"),
            MOUNTED,
            UpdateMachine(machine="m1", group="app", region="lhr", volume="vol_1", path_changed=True),
        ),
        (attached(1), MOUNTED, UpdateMachine(machine="m1", group="app", region="lhr", volume="vol_1")),
    ],
    ids=["none-none", "none-mount", "mount-none", "unknown-name", "other-path", "same"],
)
def test_a_machine_is_updated_or_replaced_as_its_mount_calls_for(
    old: MountNow | None, group: GroupWish, expected: object
) -> None:
    current = Current(machines=(machine(1, mount=old),), unattached=(volume(9),))
    assert plan(current, wanted(group)).moves == (expected,)


def test_a_machine_whose_host_is_away_is_replaced_unless_its_data_is_there() -> None:
    away = Current(machines=(machine(1, host_ok=False),))
    assert plan(away, wanted(SERVING)).moves == (ReplaceMachine(machine="m1", group="app", region="lhr"),)
    with pytest.raises(Unreachable, match="its volume vol_1 is on a host that does not answer"):
        plan(Current(machines=(machine(1, host_ok=False, mount=attached(1)),)), wanted(MOUNTED))


@pytest.mark.parametrize(
    ("state", "more", "skipped"),
    [
        ("started", {}, False),
        ("starting", {}, False),
        ("failed", {}, False),
        ("restarting", {}, False),
        ("stopped", {}, True),
        ("suspended", {}, True),
        ("created", {}, True),
        ("stopped", {"crashed": True}, False),
        ("started", {"is_standby": True}, True),
    ],
)
def test_only_a_machine_that_runs_or_should_run_is_started_again(
    state: str, more: dict[str, bool], skipped: bool
) -> None:
    (move,) = plan(Current(machines=(machine(1, state=state, **more),)), wanted(SERVING)).moves
    assert isinstance(move, UpdateMachine)
    assert move.skip_launch is skipped


def test_machines_are_changed_in_the_order_of_their_ids() -> None:
    moves = plan(Current(machines=(machine(3), machine(1), machine(2))), wanted(SERVING)).moves
    assert [move.machine for move in moves if isinstance(move, UpdateMachine)] == ["m1", "m2", "m3"]


def test_a_volume_is_given_out_once() -> None:
    current = Current(machines=(machine(1), machine(2)), unattached=(volume(1), volume(2)))
    moves = plan(current, wanted(MOUNTED)).moves
    assert [move.volume for move in moves if isinstance(move, ReplaceMachine)] == ["vol_1", "vol_2"]
