"""When snapshots are due, when they go, and what each holds alone."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caddis.domain.errors import Conflict, Invalid, NotFound
from caddis.domain.schedule import is_due, last_slot
from caddis.domain.snapshot import (
    Snapshot,
    SnapshotStatus,
    check_restorable,
    check_snappable,
    choose_expired,
    newer_neighbour,
    older_neighbour,
    origin_of,
)
from caddis.domain.volume import EncryptionKind, Volume, VolumeState

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
VOLUME = Volume(
    id="vol_0123456789abcdef",
    app="web",
    name="data",
    region="lhr",
    zone="a1f0",
    size_gb=3,
    state=VolumeState.CREATED,
    encryption=EncryptionKind.NONE,
    created_at=NOW - 30 * DAY,
)
SLOT = last_slot(VOLUME.id, NOW)


def snapshot(
    due_at: datetime,
    *,
    id: str = "vs_0",
    status: SnapshotStatus = SnapshotStatus.CREATED,
    scheduled: bool = True,
    days: int = 5,
) -> Snapshot:
    return Snapshot(
        id=id,
        app="web",
        volume_name="data",
        region="lhr",
        zone="a1f0",
        origin=origin_of(VOLUME),
        status=status,
        created_at=due_at,
        retention_days=days,
        due_at=due_at,
        expires_at=due_at + days * DAY,
        scheduled=scheduled,
    )


def test_a_volume_without_snapshots_is_due_once_its_time_of_day_came() -> None:
    assert is_due(VOLUME, [], NOW)
    assert not is_due(replace(VOLUME, created_at=SLOT + HOUR), [], SLOT + 2 * HOUR)
    assert is_due(replace(VOLUME, created_at=SLOT + HOUR), [], SLOT + DAY)


def test_it_is_taken_once_a_day() -> None:
    taken = snapshot(SLOT + timedelta(seconds=30))
    assert not is_due(VOLUME, [taken], SLOT + HOUR)
    assert not is_due(VOLUME, [taken], SLOT + DAY - HOUR)
    assert is_due(VOLUME, [taken], SLOT + DAY)


def test_one_that_failed_is_tried_again_after_an_hour() -> None:
    failed = snapshot(SLOT, status=SnapshotStatus.FAILED)
    assert not is_due(VOLUME, [failed], SLOT + HOUR / 2)
    assert is_due(VOLUME, [failed], SLOT + HOUR)


def test_one_on_demand_does_not_replace_the_daily_one() -> None:
    assert is_due(VOLUME, [snapshot(NOW - HOUR, scheduled=False)], NOW)


@pytest.mark.parametrize("state", [state for state in VolumeState if state is not VolumeState.CREATED])
def test_only_a_volume_that_is_there_is_due(state: VolumeState) -> None:
    assert not is_due(replace(VOLUME, state=state), [], NOW)


def test_scheduled_snapshots_can_be_turned_off() -> None:
    assert not is_due(replace(VOLUME, auto_backup_enabled=False), [], NOW)


@given(st.lists(st.floats(0.01, 20), max_size=40))
def test_however_time_steps_two_daily_snapshots_are_half_a_day_apart(hours: list[float]) -> None:
    now, taken = NOW, [snapshot(SLOT)]
    for step in hours:
        now += timedelta(hours=step)
        if is_due(VOLUME, taken, now):
            assert now - taken[-1].due_at >= timedelta(hours=12)
            taken.append(snapshot(now))


def test_slots_are_spread_over_the_day() -> None:
    slots = {last_slot(f"vol_{number:016}", NOW).hour for number in range(500)}
    assert slots == set(range(24))


def test_what_has_had_its_time_goes_but_the_newest_stays_while_its_volume_lives() -> None:
    old, newer = snapshot(NOW - 9 * DAY, id="vs_0"), snapshot(NOW - 8 * DAY, id="vs_1")
    assert choose_expired([old, newer], NOW, volume_lives=True) == [old]
    assert choose_expired([old, newer], NOW, volume_lives=False) == [old, newer]
    young = snapshot(NOW - DAY, id="vs_2")
    assert choose_expired([old, newer, young], NOW, volume_lives=True) == [old, newer]


def test_a_failed_one_is_not_the_newest_and_one_on_its_way_never_goes() -> None:
    old = snapshot(NOW - 9 * DAY, id="vs_0")
    failed = snapshot(NOW - 8 * DAY, id="vs_1", status=SnapshotStatus.FAILED)
    running = snapshot(NOW - 7 * DAY, id="vs_2", status=SnapshotStatus.RUNNING)
    assert choose_expired([old, failed, running], NOW, volume_lives=True) == [failed]
    assert choose_expired([old, failed, running], NOW, volume_lives=False) == [old, failed]


def test_neighbours_are_whole_snapshots() -> None:
    one, two = snapshot(NOW, id="vs_0"), snapshot(NOW, id="vs_1", status=SnapshotStatus.FAILED)
    three = snapshot(NOW, id="vs_2")
    chain = [one, two, three]
    assert older_neighbour(chain, "vs_2") == one
    assert older_neighbour(chain, "vs_0") is None
    assert newer_neighbour(chain, "vs_0") == three
    assert newer_neighbour(chain, "vs_2") is None


def test_what_a_snapshot_may_be_made_into() -> None:
    whole = snapshot(NOW)
    check_restorable(whole, 3)
    check_restorable(whole, 4)
    with pytest.raises(Invalid, match="volume of 3 GB, and 2 GB is too small"):
        check_restorable(whole, 2)
    with pytest.raises(Conflict, match="is running: wait until it is created"):
        check_restorable(snapshot(NOW, status=SnapshotStatus.RUNNING), 3)
    with pytest.raises(NotFound, match="failed and holds nothing"):
        check_restorable(snapshot(NOW, status=SnapshotStatus.FAILED), 3)


def test_a_destroyed_volume_is_brought_back_before_it_is_copied() -> None:
    with pytest.raises(Conflict, match="pending_destroy") as refused:
        check_snappable(replace(VOLUME, state=VolumeState.PENDING_DESTROY))
    assert "fly volumes restore vol_" in (refused.value.hint or "")
