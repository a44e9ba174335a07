"""In which order machines are changed, as tables; and what is refused before."""

from __future__ import annotations

import pytest

from caddis.cli.deploy import schedule
from caddis.cli.deploy.moves import (
    Change,
    Current,
    GroupWish,
    MachineNow,
    MountNow,
    MountWish,
    ReplaceMachine,
    UpdateMachine,
)
from caddis.domain.errors import Conflict, Invalid

CHECKED = GroupWish(name="app", has_services=True, has_checks=True)
MOUNTED = GroupWish(name="app", mount=MountWish(source="data", destination="/data"), has_checks=True)


def update(number: int, group: str = "app", *, stays: bool = False) -> UpdateMachine:
    return UpdateMachine(machine=f"m{number}", group=group, region="lhr", skip_launch=stays)


def shape(stages: tuple[schedule.Stage, ...]) -> list[tuple[str, int]]:
    return [(" ".join(change.machine for change in stage.changes), stage.at_once) for stage in stages]


@pytest.mark.parametrize(
    ("changes", "share", "expected"),
    [
        ([update(1)], 0.33, [("m1", 1)]),
        ([update(1), update(2), update(3)], 0.33, [("m1", 1), ("m2 m3", 1)]),
        ([update(number) for number in range(1, 8)], 0.33, [("m1", 1), ("m2 m3 m4 m5 m6 m7", 3)]),
        ([update(1), update(2), update(3)], 2, [("m1", 1), ("m2 m3", 2)]),
        ([update(1, stays=True), update(2), update(3, stays=True)], 0.33, [("m2", 1), ("m1 m3", 30)]),
        ([update(1, stays=True)], 1, [("m1", 30)]),
    ],
)
def test_rolling_begins_with_one_and_leaves_those_that_stay_stopped_for_the_end(
    changes: list[Change], share: float, expected: list[tuple[str, int]]
) -> None:
    assert shape(schedule.rolling(changes, max_unavailable=share)["app"]) == expected


def test_groups_roll_beside_one_another() -> None:
    groups = schedule.rolling([update(1), update(2, "web"), update(3)], max_unavailable=0.33)
    assert {group: shape(stages) for group, stages in groups.items()} == {
        "app": [("m1", 1), ("m3", 1)],
        "web": [("m2", 1)],
    }


def test_immediate_attempts_all() -> None:
    assert schedule.immediate([update(1), update(2, stays=True)], max_concurrent=8) == schedule.Stage(
        changes=(update(1), update(2, stays=True)), at_once=8, go_on=True
    )


def test_each_group_that_runs_gets_a_canary_but_not_on_a_first_deploy() -> None:
    changes = [update(1), update(2), update(3, "web"), update(4, "idle", stays=True)]
    assert schedule.canaries(changes, Current()) == {"app": "lhr", "web": "lhr"}
    assert schedule.canaries(changes, Current(is_first=True)) == {}


def test_only_what_runs_and_stays_itself_gets_a_green_machine() -> None:
    replaced = ReplaceMachine(machine="m3", group="app", region="lhr")
    blue, rest = schedule.greens_and_rest([update(1), update(2, stays=True), replaced])
    assert blue == [update(1)]
    assert rest == [update(2, stays=True), replaced]


def test_greens_can_be_deleted_up_to_the_switch_and_blues_go_only_after_it() -> None:
    undo = [phase.undo for phase in schedule.PHASES]
    assert undo == sorted(undo, reverse=True)
    switch = next(phase for phase in schedule.PHASES if not phase.undo)
    assert (switch.name, switch.colour) == ("uncordon", "green")
    assert [phase.name for phase in schedule.PHASES if phase.colour == "blue"] == [
        "hand over",
        "cordon",
        "stop",
        "destroy",
    ]


# --- refusals ---------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("strategy", ["canary", "bluegreen"])
def test_volumes_have_one_machine_and_so_no_second_one_beside_it(strategy: str) -> None:
    with pytest.raises(Invalid, match="not possible with mounted volumes") as refused:
        schedule.check_strategy(strategy, [MOUNTED], Current())
    assert "--strategy rolling" in (refused.value.hint or "")
    held = MachineNow(id="m1", group="app", region="lhr", mount=MountNow(volume="vol_1", name="data", path="/data"))
    with pytest.raises(Invalid, match="not possible with mounted volumes"):
        schedule.check_strategy(strategy, [CHECKED], Current(machines=(held,)))
    elsewhere = MachineNow(id="m1", group="db", region="lhr", mount=held.mount)
    schedule.check_strategy(strategy, [CHECKED], Current(machines=(elsewhere,)))


def test_bluegreen_needs_a_check_and_one_image() -> None:
    with pytest.raises(Invalid, match="needs at least one health check"):
        schedule.check_strategy("bluegreen", [GroupWish(name="app")], Current())
    machines = tuple(MachineNow(id=f"m{n}", group="app", region="lhr", image=f"web:{n}") for n in (1, 2))
    with pytest.raises(Conflict, match=r"found multiple image versions: .* web:1, web:2"):
        schedule.check_strategy("bluegreen", [CHECKED], Current(machines=machines))
    schedule.check_strategy("bluegreen", [CHECKED], Current(machines=machines[:1]))


@pytest.mark.parametrize("strategy", ["rolling", "immediate"])
def test_the_others_always_can(strategy: str) -> None:
    schedule.check_strategy(strategy, [MOUNTED], Current())


def test_a_standby_stands_by_for_whoever_took_the_place() -> None:
    assert schedule.successors_of(["m1", "m2"], {"m1": "m9"}) == ["m9", "m2"]
