"""Which release is gone back to, and where its data is."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from caddis.cli.deploy.history import Held, choose_target, find_data, list_made_later
from caddis.domain.errors import Conflict, Invalid, NotFound

Wire = Mapping[str, Any]


def release(version: int, status: str = "complete", **metadata: Any) -> dict[str, Any]:
    at = f"2026-01-01T00:00:{version:02}Z"
    return {"version": version, "status": status, "metadata": metadata, "created_at": at}


def snapshot(id: str, volume: str = "vol_a", machine: str = "m1") -> dict[str, str]:
    return {"snapshot": id, "volume": volume, "machine": machine}


def moved(volume: str, to: str) -> dict[str, str]:
    return {"machine": "m1", "to": "m2", "volume": volume, "to_volume": to}


def held(volume: str = "vol_a", *, version: int, machine: str = "m1", made_at: int = 0) -> Held:
    at = datetime(2026, 1, 1, second=made_at, tzinfo=UTC)
    return Held(machine=machine, group="app", volume=volume, version=version, made_at=at)


@pytest.mark.parametrize(
    ("statuses", "wanted", "found"),
    [
        ("complete complete", None, 1),
        ("complete failed complete", None, 1),
        ("complete complete failed", None, 2),
        ("complete failed interrupted", None, 1),
        ("complete complete complete", 1, 1),
    ],
)
def test_without_a_version_the_last_that_was_complete_before_the_newest(
    statuses: str, wanted: int | None, found: int
) -> None:
    releases = [release(number, status) for number, status in enumerate(statuses.split(), 1)][::-1]
    assert choose_target(releases, wanted)["version"] == found


@pytest.mark.parametrize(
    ("releases", "wanted", "kind", "why"),
    [
        ([], None, NotFound, "never deployed"),
        ([release(1)], None, NotFound, "no complete release before v1"),
        ([release(2), release(1)], 9, NotFound, "there is no release v9"),
        ([release(2), release(1, "failed")], 1, Invalid, "v1 is failed"),
        ([release(2), release(1)], 2, Invalid, "is the current release"),
    ],
)
def test_what_cannot_be_gone_back_to(releases: list[Wire], wanted: int | None, kind: type[Exception], why: str) -> None:
    with pytest.raises(kind, match=why):
        choose_target(releases, wanted)


def test_the_data_is_in_the_snapshot_that_the_next_release_took() -> None:
    releases = [release(3, snapshots=[snapshot("vs_3")]), release(2, snapshots=[snapshot("vs_2")]), release(1)]
    (one,) = find_data(releases, 1, [held(version=3)])
    assert (one.snapshot, one.origin, one.before) == ("vs_2", "vol_a", 2)
    (two,) = find_data(releases, 2, [held(version=3)])
    assert (two.snapshot, two.before) == ("vs_3", 3)


def test_the_first_snapshot_of_a_release_counts_because_it_is_from_before_its_first_try() -> None:
    (one,) = find_data([release(2, snapshots=[snapshot("vs_2"), snapshot("vs_2b")]), release(1)], 1, [held(version=2)])
    assert one.snapshot == "vs_2"


def test_volumes_are_followed_back_over_earlier_rollbacks() -> None:
    releases = [
        release(4, snapshots=[snapshot("vs_4", "vol_b")], moved=[moved("vol_b", "vol_c")]),
        release(3, snapshots=[snapshot("vs_3", "vol_a")], moved=[moved("vol_a", "vol_b")]),
        release(2, snapshots=[snapshot("vs_2", "vol_a")]),
        release(1),
    ]
    found = {target: find_data(releases, target, [held("vol_c", version=4)])[0] for target in (1, 2, 3)}
    assert {target: (one.snapshot, one.origin) for target, one in found.items()} == {
        1: ("vs_2", "vol_a"),
        2: ("vs_3", "vol_a"),
        3: ("vs_4", "vol_b"),
    }


def test_a_machine_that_a_failed_release_never_reached_keeps_what_it_has() -> None:
    releases = [release(2, "failed", snapshots=[snapshot("vs_2")]), release(1)]
    found = find_data(releases, 1, [held(version=2), held("vol_z", version=1, machine="m9")])
    assert [one.snapshot for one in found] == ["vs_2"]


def test_volumes_without_a_snapshot_are_all_named() -> None:
    machines = [held(version=2), held("vol_z", version=2, machine="m9")]
    with pytest.raises(Conflict, match=r"vol_a of machine m1 \[app\], vol_z of machine m9") as refused:
        find_data([release(2), release(1)], 1, machines)
    assert refused.value.hint == "Roll back without the data: fly releases rollback v1"


def test_a_later_snapshot_says_from_before_which_release_it_is() -> None:
    releases = [release(3, snapshots=[snapshot("vs_3")]), release(2), release(1)]
    assert find_data(releases, 1, [held(version=3)])[0].before == 3


def test_a_volume_that_was_made_after_a_release_was_replaced_has_no_data_of_then() -> None:
    releases = [release(3), release(2, snapshots=[snapshot("vs_1")]), release(1)]
    first = held(version=3, made_at=1)
    scaled = held("vol_b", version=3, machine="m2", made_at=3)
    old_without_snapshot = held("vol_c", version=3, machine="m3", made_at=1)
    everybody = [first, scaled, old_without_snapshot]
    assert list_made_later(releases, 1, everybody) == [scaled]
    assert list_made_later(releases, 2, everybody) == []  # v3 began at the same moment: it may have been there
    assert list_made_later(releases[:1], 3, everybody) == []


def test_a_volume_that_a_rollback_made_is_followed_and_not_taken_for_a_late_one() -> None:
    releases = [release(3, moved=[moved("vol_a", "vol_b")]), release(2, snapshots=[snapshot("vs_1")]), release(1)]
    young = held("vol_b", version=3, made_at=30)
    assert list_made_later(releases, 1, [young]) == []
    assert find_data(releases, 1, [young])[0].snapshot == "vs_1"
