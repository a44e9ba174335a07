"""When a volume grows by itself."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caddis.domain.extension import choose_extension
from caddis.domain.machine import Mount
from caddis.domain.volume import EncryptionKind, Usage, Volume, VolumeState


def volume(size_gb: int = 1) -> Volume:
    return Volume(
        id="vol_0123456789abcdef",
        app="web",
        name="data",
        region="lhr",
        zone="a1f0",
        size_gb=size_gb,
        state=VolumeState.CREATED,
        encryption=EncryptionKind.NONE,
        created_at=datetime(2026, 11, 24, tzinfo=UTC),
    )


def mount(threshold: int = 80, add: int = 2, limit: int = 10) -> Mount:
    return Mount(volume="v", path="/data", extend_threshold_percent=threshold, add_size_gb=add, size_gb_limit=limit)


def used(percent: int) -> Usage:
    return Usage(block_size=4096, blocks=100, blocks_free=100 - percent, blocks_avail=100 - percent)


@pytest.mark.parametrize(
    ("size", "percent", "wanted"),
    [(1, 79, None), (1, 80, 3), (1, 100, 3), (9, 90, 10), (10, 99, None), (12, 99, None)],
)
def test_it_grows_by_its_step_when_it_is_full_enough_and_stops_at_the_limit(
    size: int, percent: int, wanted: int | None
) -> None:
    assert choose_extension(mount(), volume(size), used(percent)) == wanted


def test_without_a_threshold_or_before_anything_is_known_it_stays() -> None:
    assert choose_extension(mount(threshold=0), volume(), used(100)) is None
    assert choose_extension(mount(add=0), volume(), used(100)) is None
    assert choose_extension(mount(), volume(), Usage()) is None


def test_without_a_limit_it_ends_where_all_volumes_do() -> None:
    assert choose_extension(mount(limit=0), volume(499), used(99)) == 500
    assert choose_extension(mount(limit=0), volume(500), used(99)) is None


@given(st.integers(1, 500), st.integers(0, 100), st.integers(0, 100), st.integers(0, 100), st.integers(0, 600))
def test_it_never_shrinks_and_never_passes_a_limit(
    size: int, percent: int, threshold: int, add: int, limit: int
) -> None:
    wanted = choose_extension(mount(threshold, add, limit), volume(size), used(percent))
    assert wanted is None or size < wanted <= min(limit or 500, 500)
