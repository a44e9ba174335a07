"""What `caddis up` takes from its flags, from last time and from defaults."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from caddis.admin.choices import Choices, choices_text, choose, default_pool_bytes, parse_listen, read_choices
from caddis.admin.installation import zones
from caddis.domain.errors import Conflict, Invalid
from caddis.domain.sizes import GIB, MIB

FREE = 300 * GIB


def test_without_flags_one_host_in_lhr_takes_a_third_of_the_free_space() -> None:
    chosen = choose({}, None, free_bytes=90 * GIB)
    assert chosen == Choices(region="lhr", hosts=1, listen="127.0.0.1:4280", pool_bytes=30 * GIB)


def test_the_default_pool_is_at_most_50_gb_shared_by_the_hosts_in_whole_mib() -> None:
    assert default_pool_bytes(FREE, 2) == 25 * GIB
    assert default_pool_bytes(10 * GIB + 12345, 3) % MIB == 0


def test_the_same_is_taken_again() -> None:
    kept = Choices(region="ord", hosts=2, pool_bytes=GIB, listen="127.0.0.1:5000")
    assert choose({}, kept, free_bytes=0) == kept


def test_saying_again_what_was_said_before_is_fine() -> None:
    kept = Choices(region="ord", pool_bytes=GIB)
    assert choose({"region": "ord", "pool_bytes": GIB}, kept, free_bytes=0) == kept


@pytest.mark.parametrize(
    "change",
    [{"region": "ams"}, {"zone": "other"}, {"pool": "/dev/vdb"}, {"pool_bytes": 2 * GIB}, {"pool_block_bytes": 65536}],
    ids=str,
)
def test_what_is_built_into_the_data_cannot_change(change: dict[str, Any]) -> None:
    with pytest.raises(Conflict, match="cannot change any more"):
        choose(change, Choices(region="ord", zone="z", pool="/srv", pool_bytes=GIB), free_bytes=FREE)


def test_saying_the_default_size_of_blocks_is_no_change() -> None:
    kept = Choices(region="ord", pool_bytes=GIB)
    assert choose({"pool_block_bytes": 4096}, kept, free_bytes=0) == kept


def test_the_number_of_hosts_and_the_address_may_change() -> None:
    kept = Choices(pool_bytes=GIB)
    changed = choose({"hosts": 3, "listen": "127.0.0.1:0"}, kept, free_bytes=FREE)
    assert (changed.hosts, changed.listen) == (3, "127.0.0.1:0")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"region": "LHR!"}, "is not a region code"),
        ({"region": ""}, "is not a region code"),
        ({"zone": "a b"}, "is not a zone"),
        ({"hosts": 0}, "1 to 16"),
        ({"hosts": -1}, "1 to 16"),
        ({"hosts": 17}, "1 to 16"),
        ({"pool": "relative"}, "absolute path"),
        ({"listen": "garbage"}, "not an address and a port"),
        ({"listen": "127.0.0.1:99999"}, "not an address and a port"),
        ({"listen": "127.0.0.1:"}, "not an address and a port"),
        ({"pool_bytes": FREE}, "more than the"),
    ],
    ids=str,
)
def test_a_bad_choice_is_refused_in_one_sentence(given: dict[str, Any], said: str) -> None:
    with pytest.raises(Invalid, match=said):
        choose({"hosts": 2, **given}, None, free_bytes=FREE)


def test_an_address_may_be_a_name_or_ipv6() -> None:
    assert parse_listen("localhost:80") == ("localhost", 80)
    assert parse_listen("[::1]:4280") == ("::1", 4280)


def test_choices_survive_being_written_down(tmp_path: Path) -> None:
    chosen = Choices(region="ord", zone='odd"zone', hosts=4, pool_bytes=GIB)
    (tmp_path / "settings.toml").write_text(choices_text(chosen))
    assert read_choices(tmp_path / "settings.toml") == chosen
    assert read_choices(tmp_path / "absent.toml") is None


def test_a_settings_file_that_is_not_toml_is_named(tmp_path: Path) -> None:
    (tmp_path / "settings.toml").write_text("region = ")
    with pytest.raises(Invalid, match=r"settings\.toml is not TOML"):
        read_choices(tmp_path / "settings.toml")


def test_every_host_has_a_zone_of_its_own_and_the_same_one_every_time() -> None:
    made_up = zones("0123abcd", 16, "")
    assert len(set(made_up)) == 16
    assert all(len(zone) == 4 and int(zone, 16) >= 0 for zone in made_up)
    assert zones("0123abcd", 3, "") == made_up[:3]
    assert zones("ffffffff", 1, "") != made_up[:1]


def test_a_named_zone_is_numbered_when_there_are_several_hosts() -> None:
    assert zones("0123abcd", 1, "rack") == ["rack"]
    assert zones("0123abcd", 2, "rack") == ["rack-1", "rack-2"]
