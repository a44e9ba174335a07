"""What of control is pure: where things would fit, and the tokens of log pages."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from caddis.catalog.index import Indexed
from caddis.control.logs import _decode_token, _encode_token
from caddis.control.mounts import with_volume
from caddis.control.platform import choose_placements
from caddis.domain.errors import Invalid
from caddis.domain.host import Capacity, Host
from caddis.domain.machine import Guest
from caddis.domain.placement import Sibling, VolumeWish, choose_machine_hosts, choose_volume_hosts
from caddis.wire.placement import PlacementRequest

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
GIB = 1 << 30


def _host(id: str, region: str, *, pool_gb: int = 10, memory_mb: int = 1024) -> Host:
    capacity = Capacity(
        pool_bytes=pool_gb * GIB, pool_promised=0, memory_mb=memory_mb, memory_promised_mb=0, cpus=1, encryption="none"
    )
    return Host(id=id, region=region, zone=id, address="", capacity=capacity, last_seen=NOW)


def test_the_region_with_more_room_comes_first() -> None:
    hosts = [_host("a", "lhr"), _host("b", "ord"), _host("c", "ord")]
    request = PlacementRequest(count=20, compute=Guest(memory_mb=256), volume_size_bytes=GIB)
    assert [(one.region, one.count) for one in choose_placements(request, hosts)] == [("ord", 8), ("lhr", 4)]


def test_volumes_count_as_much_as_memory() -> None:
    request = PlacementRequest(count=5, compute=Guest(memory_mb=256), volume_size_bytes=6 * GIB)
    assert [one.count for one in choose_placements(request, [_host("a", "lhr")])] == [1]


def test_a_full_region_is_not_offered() -> None:
    request = PlacementRequest(count=1, volume_size_bytes=20 * GIB)
    assert choose_placements(request, [_host("a", "lhr")]) == []


def test_only_the_regions_asked_for_are_offered_and_ties_go_by_their_order() -> None:
    hosts = [_host(region, region) for region in ("ams", "lhr", "ord")]
    request = PlacementRequest(regions=("ord", "ams"), anywhere=False, count=1)
    assert [one.region for one in choose_placements(request, hosts)] == ["ord", "ams"]
    liked = PlacementRequest(regions=("ord",), count=1)
    assert [one.region for one in choose_placements(liked, hosts)] == ["ord", "ams", "lhr"]


def test_a_machine_s_root_takes_its_place_in_the_pool_too() -> None:
    request = PlacementRequest(count=9, volume_size_bytes=GIB)
    assert [one.count for one in choose_placements(request, [_host("a", "lhr", pool_gb=5, memory_mb=65536)])] == [2]


def test_machines_of_one_kind_go_to_where_the_fewest_of_them_are() -> None:
    hosts = [_host("a", "lhr", memory_mb=4096), _host("b", "lhr", memory_mb=2048), _host("c", "ord")]
    assert [host.id for host in choose_machine_hosts("lhr", 256, hosts)] == ["a", "b"]
    assert [host.id for host in choose_machine_hosts("lhr", 256, hosts, siblings={"a": 1})] == ["b", "a"]
    together = [replace(host, zone="z") if host.id != "b" else host for host in [*hosts[:2], _host("d", "lhr")]]
    assert [host.id for host in choose_machine_hosts("lhr", 256, together, siblings={"a": 1})] == ["b", "d", "a"]


def test_a_volume_goes_to_where_its_machine_will_fit_before_it_goes_to_a_zone_of_its_own() -> None:
    roomy, tight = _host("a", "lhr", pool_gb=9), _host("b", "lhr", pool_gb=1)
    small = _host("c", "lhr", pool_gb=20, memory_mb=128)
    taken = [Sibling(name="data", region="lhr", zone="a")]
    wish = VolumeWish(name="data", region="lhr", size_gb=1, require_unique_zone=False)
    hosts = [roomy, tight, small]
    assert [host.id for host in choose_volume_hosts(wish, hosts, taken)] == ["c", "b", "a"]
    with_machine = replace(wish, memory_mb=256)
    assert [host.id for host in choose_volume_hosts(with_machine, hosts, taken)] == ["a", "c", "b"]


def test_a_log_token_remembers_every_hosts_place() -> None:
    places = {"a": "17", "b": "x/y=="}
    token = _encode_token(places)
    assert _decode_token(token) == places and token.isascii() and "=" not in token
    assert _decode_token("") == {}


@pytest.mark.parametrize("token", ["17", "!!", "bnVsbA", "e30x"])
def test_a_log_token_of_somebody_else_is_refused(token: str) -> None:
    with pytest.raises(Invalid, match="next_token"):
        _decode_token(token)


def test_naming_the_volume_keeps_everything_else_of_the_mount() -> None:
    volume = Indexed(
        id="vol_1", app="web", host="a", host_seen=NOW, region="lhr", zone="a", name="data", state="created", body=""
    )
    document = {"config": {"image": "i", "mounts": [{"volume": "data", "path": "/data", "odd": 1}]}, "odd": [2]}
    assert with_volume(document, volume) == {
        "config": {"image": "i", "mounts": [{"volume": "vol_1", "name": "data", "path": "/data", "odd": 1}]},
        "odd": [2],
    }
