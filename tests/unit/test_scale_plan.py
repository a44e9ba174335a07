"""The scale planner, as tables and as properties (facts: cli-deploy-launch 4.1)."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from caddis.cli.scale.counting.asked import Count, name_groups, parse_counts
from caddis.cli.scale.counting.plan import (
    NO_LIMIT,
    Create,
    GroupWish,
    MachineNow,
    Mount,
    Now,
    Plan,
    VolumeNow,
    Wish,
    converge,
    plan,
)
from caddis.cli.scale.counting.words import left_volumes, plan_text
from caddis.domain.errors import Invalid, Unreachable

DATA = Mount(name="data", size_gb=2)


# --- how many in which region -----------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("wanted", "current", "regions", "limit", "target"),
    [
        (3, {}, "a", NO_LIMIT, {"a": 3}),
        (3, {}, "ab", NO_LIMIT, {"a": 2, "b": 1}),  # dealt out from the first on
        (4, {"a": 1}, "abc", NO_LIMIT, {"a": 2, "b": 1, "c": 1}),
        (5, {"a": 2, "b": 2}, "ab", NO_LIMIT, {"a": 3, "b": 2}),
        (3, {"a": 2, "b": 2}, "ab", NO_LIMIT, {"a": 2, "b": 1}),  # taken from the last backwards
        (1, {"a": 2, "b": 2}, "ab", NO_LIMIT, {"a": 1, "b": 0}),
        (1, {"a": 2, "b": 1}, "ab", NO_LIMIT, {"a": 1, "b": 0}),
        (0, {"a": 2, "b": 1}, "ab", NO_LIMIT, {"a": 0, "b": 0}),
        (2, {"a": 1, "c": 7}, "ab", NO_LIMIT, {"a": 2, "b": 0}),  # c is not listed, and not counted
        (2, {"a": 2}, "ab", 1, {"a": 1, "b": 1}),  # too many in one region move to another
        (3, {"a": 3}, "ab", 2, {"a": 2, "b": 1}),
        (4, {}, "abc", 2, {"a": 2, "b": 1, "c": 1}),
        (6, {"b": 2}, "abc", 2, {"a": 2, "b": 2, "c": 2}),
        (1, {"a": 4, "b": 4}, "ab", 2, {"a": 1, "b": 0}),
        (0, {"a": 1}, "a", 0, {"a": 0}),
    ],
)
def test_machines_are_spread_over_the_regions_that_are_named(
    wanted: int, current: dict[str, int], regions: str, limit: int, target: dict[str, int]
) -> None:
    differences = converge(wanted, current, regions, limit)
    assert {region: current.get(region, 0) + differences.get(region, 0) for region in regions} == target
    assert 0 not in differences.values()


def test_more_than_the_regions_may_hold_is_refused() -> None:
    with pytest.raises(Invalid, match="fewer than the expected total of 5"):
        converge(5, {}, ["a", "b"], 2)


counts = st.dictionaries(st.sampled_from("abcd"), st.integers(0, 6))


@given(st.integers(0, 20), counts, st.lists(st.sampled_from("abcd"), min_size=1, unique=True), st.integers(-1, 8))
def test_totals_are_right_and_no_region_is_overfull(
    wanted: int, current: dict[str, int], regions: list[str], limit: int
) -> None:
    assume(limit < 0 or len(regions) * limit >= wanted)
    differences = converge(wanted, current, regions, limit)
    after = {region: current.get(region, 0) + differences.get(region, 0) for region in regions}
    assert sum(after.values()) == wanted
    assert all(count >= 0 for count in after.values())
    assert limit < 0 or all(count <= limit for count in after.values())
    assert set(differences) <= set(regions)


# --- volumes ----------------------------------------------------------------------------------------------------------
def volume(number: int, *, name: str = "data", region: str = "a") -> VolumeNow:
    return VolumeNow(id=f"vol_{number}", name=name, region=region, created_at=f"2026-01-0{number}")


def machine(number: int, **more: object) -> MachineNow:
    one = MachineNow(id=f"m{number}", group="app", region="a", created_at=f"2026-01-0{number}")
    return replace(one, **more)  # type: ignore[arg-type]


def wish(count: int, *, mount: Mount | None = DATA, regions: str = "a", with_new_volumes: bool = False) -> Wish:
    group = GroupWish(name="app", count=count, regions=tuple(regions), mount=mount, size="shared-cpu-1x")
    return Wish(groups=(group,), with_new_volumes=with_new_volumes)


def creates(found: Plan) -> list[Create]:
    return [create for change in found.changes for create in change.creates]


def test_unattached_volumes_of_the_name_in_the_region_come_first_the_oldest_before_all() -> None:
    spare = (volume(3), volume(1), volume(2, name="other"), volume(4, region="b"))
    assert creates(plan(Now(unattached=spare), wish(3))) == [
        Create(volume="vol_1"),
        Create(volume="vol_3"),
        Create(new_volume=DATA),
    ]


def test_new_volumes_can_be_asked_for_and_a_group_without_mount_gets_none() -> None:
    spare = (volume(1),)
    assert creates(plan(Now(unattached=spare), wish(1, with_new_volumes=True))) == [Create(new_volume=DATA)]
    assert creates(plan(Now(unattached=spare), wish(1, mount=None))) == [Create()]


def test_two_groups_that_mount_one_name_never_get_the_same_volume() -> None:
    groups = tuple(GroupWish(name=name, count=1, regions=("a",), mount=DATA) for name in ("web", "worker"))
    found = plan(Now(unattached=(volume(1),)), Wish(groups=groups))
    assert creates(found) == [Create(volume="vol_1"), Create(new_volume=DATA)]


def test_nothing_to_do_is_no_change() -> None:
    assert plan(Now(machines=(machine(1),)), wish(1)) == Plan(changes=(), totals={"app": 1})


# --- which machine goes -----------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("machines", "gone"),
    [
        ([machine(1), machine(2)], ["m2"]),  # the newest
        ([machine(1), machine(2, is_standby=True, state="stopped"), machine(3)], ["m2"]),
        ([machine(1, state="stopped"), machine(2)], ["m1"]),  # one that does not run
        ([machine(1, state="failed"), machine(2, state="stopped"), machine(3)], ["m2"]),
        ([machine(1, is_standby=True), machine(2, state="stopped")], ["m1"]),
    ],
)
def test_those_go_first_that_are_missed_least(machines: list[MachineNow], gone: list[str]) -> None:
    (change,) = plan(Now(machines=tuple(machines)), wish(len(machines) - 1)).changes
    assert [one.id for one in change.destroys] == gone


def test_a_machine_that_works_is_not_destroyed_in_place_of_one_that_cannot_be_reached() -> None:
    machines = (machine(1), machine(2, host_ok=False))
    with pytest.raises(Unreachable, match="machine m2"):
        plan(Now(machines=machines), wish(1))
    assert plan(Now(machines=machines), wish(3)).changes[0].destroys == ()


@st.composite
def situations(draw: st.DrawFn) -> tuple[Now, Wish]:
    regions, names = st.sampled_from("ab"), st.sampled_from(["data", "other"])
    machines = tuple(
        MachineNow(id=f"m{n}", group=draw(st.sampled_from(["web", "worker"])), region=draw(regions), volume=f"vol_m{n}")
        for n in range(draw(st.integers(0, 6)))
    )
    spare = tuple(
        VolumeNow(id=f"vol_{n}", name=draw(names), region=draw(regions)) for n in range(draw(st.integers(0, 6)))
    )
    groups = tuple(
        GroupWish(
            name=name,
            count=draw(st.integers(0, 8)),
            regions=tuple(draw(st.lists(regions, min_size=1, unique=True))),
            mount=draw(st.sampled_from([None, DATA, Mount(name="other")])),
        )
        for name in ("web", "worker")
    )
    return Now(machines=machines, unattached=spare), Wish(groups=groups, with_new_volumes=draw(st.booleans()))


@given(situations())
def test_no_volume_is_used_twice_and_everybody_ends_with_what_was_asked(situation: tuple[Now, Wish]) -> None:
    now, wanted = situation
    found = plan(now, wanted)
    used = [create.volume for create in creates(found) if create.volume]
    spare = {one.id: one for one in now.unattached}
    assert len(used) == len(set(used)) and set(used) <= set(spare)
    after = Counter((one.group, one.region) for one in now.machines)
    gone = [one.id for change in found.changes for one in change.destroys]
    assert len(gone) == len(set(gone))
    for change in found.changes:
        after[change.group, change.region] += len(change.creates) - len(change.destroys)
        assert not (change.creates and change.destroys)
        mount = next(group.mount for group in wanted.groups if group.name == change.group)
        for create in change.creates:
            if create.volume:
                assert mount is not None and not wanted.with_new_volumes
                assert (spare[create.volume].name, spare[create.volume].region) == (mount.name, change.region)
            else:
                assert create.new_volume == mount
    for group in wanted.groups:
        assert sum(after[group.name, region] for region in group.regions) == group.count
        assert found.totals[group.name] == sum(count for (name, _), count in after.items() if name == group.name)


# --- what is asked for ------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("arguments", "group", "counts"),
    [
        (["2"], "", {"": Count(2)}),
        (["+1"], "web", {"web": Count(1, is_relative=True)}),
        (["web=2", "worker=+1"], "", {"web": Count(2), "worker": Count(1, is_relative=True)}),
        (["worker=-3"], "web", {"worker": Count(-3, is_relative=True)}),
        (["0"], "", {"": Count(0)}),
    ],
)
def test_counts_are_absolute_or_relative_and_may_name_their_group(
    arguments: list[str], group: str, counts: dict[str, Count]
) -> None:
    assert parse_counts(arguments, group=group) == counts


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["x"], "'x' is not a valid process=count option"),
        (["web="], "'web=' is not a valid process=count option"),
        (["=2"], "'=2' is not a valid process=count option"),
        (["1.5"], "not a valid process=count option"),
        (["web=two"], "'web=two' is not a valid process=count option"),
        (["+0"], "invalid relative count"),
        (["web=-0"], "invalid relative count"),
        (["1", "2"], "given twice"),
        (["web=1", "web=2"], "given twice"),
    ],
)
def test_what_is_no_count_is_refused(arguments: list[str], complaint: str) -> None:
    with pytest.raises(Invalid, match=complaint):
        parse_counts(arguments, group="")


def test_a_relative_count_never_goes_below_none() -> None:
    assert [Count(-3, is_relative=True).total(now) for now in (5, 3, 1)] == [2, 0, 0]


def test_the_default_group_is_app_or_the_only_one() -> None:
    one = {"": Count(2)}
    assert name_groups(one, ["app", "worker"]) == {"app": Count(2)}
    assert name_groups(one, ["web"]) == {"web": Count(2)}
    with pytest.raises(Invalid, match=r"several process groups \(web, worker\)"):
        name_groups(one, ["web", "worker"])
    with pytest.raises(Invalid, match="'wbe' is not in the app's configuration: it has web, worker"):
        name_groups({"wbe": Count(1)}, ["web", "worker"])
    with pytest.raises(Invalid, match="given twice"):
        name_groups({"": Count(1), "web": Count(2)}, ["web"])


# --- words ------------------------------------------------------------------------------------------------------------
def test_the_plan_tells_machines_and_volumes_by_region() -> None:
    spare = (volume(1), volume(2, region="b"))
    assert plan_text("myapp", plan(Now(unattached=spare), wish(4, regions="ab"))) == (
        "App 'myapp' is going to be scaled according to this plan:\n"
        "  +2 machines for group 'app' on region 'a' of size 'shared-cpu-1x'\n"
        "  +1 volumes and 1 unattached volumes assigned to group 'app' in region 'a': vol_1\n"
        "  +2 machines for group 'app' on region 'b' of size 'shared-cpu-1x'\n"
        "  +1 volumes and 1 unattached volumes assigned to group 'app' in region 'b': vol_2"
    )
    assert plan_text("myapp", plan(Now(unattached=spare), wish(1))).splitlines()[2] == (
        "   1 unattached volumes to be assigned to group 'app' in region 'a': vol_1"
    )
    assert plan_text("myapp", plan(Now(), wish(1))).splitlines()[2] == "  +1 volumes  for group 'app' in region 'a'"
    gone = plan(Now(machines=(machine(1), machine(2))), wish(0))
    assert plan_text("myapp", gone).splitlines()[1:] == [
        "  -2 machines for group 'app' on region 'a' of size 'shared-cpu-1x'"
    ]


def test_volumes_that_stay_are_named_with_what_to_do_about_them() -> None:
    assert left_volumes("myapp", [machine(1)]) == ""
    said = left_volumes("myapp", [machine(1, volume="vol_1"), machine(2, volume="vol_2")])
    assert "Volumes vol_1, vol_2 stay, unattached" in said and "fly volumes destroy vol_1 vol_2 -a myapp" in said
