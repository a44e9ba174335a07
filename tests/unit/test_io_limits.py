"""What a machine may do to its volume, and how the kernel is told."""

from __future__ import annotations

import pytest

from caddis.domain.errors import Invalid
from caddis.domain.io_limits import (
    IoLimits,
    IoPolicy,
    choose_io_limits,
    limits_of_size,
    parse_bandwidth,
    parse_iops,
)
from caddis.domain.machine import Guest
from caddis.domain.sizes import MIB
from caddis.kernel.cgroup import io_limit_texts


@pytest.mark.parametrize(
    ("kind", "sizes", "iops", "mib"),
    [  # facts: systems 5
        ("shared", (1, 2), 4000, 16),
        ("shared", (4, 8), 8000, 32),
        ("performance", (1,), 12000, 48),
        ("performance", (2, 4), 16000, 64),
        ("performance", (8, 16), 32000, 128),
    ],
)
def test_the_limits_are_those_of_flys_table(kind: str, sizes: tuple[int, ...], iops: int, mib: int) -> None:
    for cpus in sizes:
        assert limits_of_size(Guest(cpu_kind=kind, cpus=cpus)) == IoLimits(iops=iops, bandwidth=mib * MIB)


@pytest.mark.parametrize(
    ("kind", "cpus", "iops", "mib"),
    [
        ("shared", 3, 6000, 24),
        ("shared", 6, 8000, 32),
        ("performance", 6, 24000, 96),
        ("performance", 10, 32000, 128),
        ("performance", 14, 32000, 128),
        ("performance", 32, 32000, 128),
        ("unheard-of", 1, 4000, 16),
    ],
)
def test_a_size_that_the_table_lacks_lies_between_its_neighbours(kind: str, cpus: int, iops: int, mib: int) -> None:
    assert limits_of_size(Guest(cpu_kind=kind, cpus=cpus)) == IoLimits(iops=iops, bandwidth=mib * MIB)


def test_nothing_is_limited_unless_someone_says_so() -> None:
    assert choose_io_limits(IoLimits(), Guest(), IoPolicy.OFF) == IoLimits(iops=0, bandwidth=0)


def test_a_volumes_own_limits_come_before_those_of_the_installation() -> None:
    chosen = choose_io_limits(IoLimits(iops=100), Guest(), IoPolicy.FLY)
    assert chosen == IoLimits(iops=100, bandwidth=16 * MIB)
    assert choose_io_limits(IoLimits(iops=0), Guest(), IoPolicy.FLY).iops == 0
    assert choose_io_limits(IoLimits(bandwidth=MIB), Guest(), IoPolicy.OFF) == IoLimits(iops=0, bandwidth=MIB)


def test_flags_take_numbers_sizes_off_and_default() -> None:
    assert (parse_iops("500"), parse_iops("off"), parse_iops("default")) == (500, 0, None)
    assert (parse_bandwidth("16MiB"), parse_bandwidth("off"), parse_bandwidth("default")) == (16 * MIB, 0, None)


@pytest.mark.parametrize("text", ["", "0", "-1", "1.5", "many", "99999999999"])
def test_bad_iops_are_refused(text: str) -> None:
    with pytest.raises(Invalid):
        parse_iops(text)


@pytest.mark.parametrize("text", ["", "0", "-1", "fast", "99P"])
def test_a_bad_bandwidth_is_refused(text: str) -> None:
    with pytest.raises(Invalid):
        parse_bandwidth(text)


def test_version_2_is_told_in_one_line() -> None:
    texts = io_limit_texts((7, 3), iops=100, bandwidth=0, old=False)
    assert texts == {"io.max": "7:3 rbps=max wbps=max riops=100 wiops=100"}
    texts = io_limit_texts((252, 0), iops=0, bandwidth=MIB, old=False)
    assert texts == {"io.max": "252:0 rbps=1048576 wbps=1048576 riops=max wiops=max"}


def test_version_1_is_told_in_four_files_and_zero_takes_a_limit_away() -> None:
    assert io_limit_texts((7, 3), iops=100, bandwidth=0, old=True) == {
        "blkio.throttle.read_iops_device": "7:3 100",
        "blkio.throttle.read_bps_device": "7:3 0",
        "blkio.throttle.write_iops_device": "7:3 100",
        "blkio.throttle.write_bps_device": "7:3 0",
    }
