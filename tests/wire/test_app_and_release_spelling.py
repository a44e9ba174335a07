"""Apps, organizations, releases, placements, regions, sizes and logs."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from caddis.domain.app import App, AppStatus, Organization
from caddis.domain.errors import Invalid, Problem
from caddis.domain.machine import Guest
from caddis.domain.release import Release
from caddis.wire.app import (
    AppRequest,
    app_request_from_wire,
    app_to_wire,
    apps_to_wire,
    organization_to_wire,
    organizations_to_wire,
)
from caddis.wire.logs import LogLine, log_page_from_wire, log_page_to_wire
from caddis.wire.placement import Placement, PlacementRequest, placement_request_from_wire, placements_to_wire
from caddis.wire.region import REGIONS, describe_region, region_to_wire, regions_to_wire
from caddis.wire.release import (
    ReleasePatch,
    build_to_wire,
    release_created_to_wire,
    release_patch_from_wire,
    release_request_from_wire,
    releases_to_wire,
)
from caddis.wire.vm_size import VM_SIZES, check_guest, get_size, size_name

NOW = datetime(2026, 8, 20, 10, 11, 12, tzinfo=UTC)
ORGANIZATION = Organization(id=1, slug="personal", name="Ada")
APP = App(id=41, name="web-shop", organization=ORGANIZATION, status=AppStatus.PENDING, created_at=NOW)
RELEASE = Release(
    id="r1",
    app="web-shop",
    version=3,
    status="complete",
    strategy="rolling",
    image="debian:12",
    definition={"app": "web-shop"},
    user="ada@example.com",
    created_at=NOW,
)


def test_an_app_has_what_clients_read_after_a_create() -> None:
    document = app_to_wire(APP, machine_count=2, volume_count=1)
    assert document["name"] == "web-shop"
    assert document["organization"] == {"name": "Ada", "slug": "personal", "internal_numeric_id": 1}
    assert (document["status"], document["internal_numeric_id"], document["id"]) == ("pending", 41, "app_41")
    assert (document["machine_count"], document["volume_count"]) == (2, 1)
    assert apps_to_wire([document]) == {"apps": [document], "total_apps": 1}


def test_an_organization_is_billable_so_that_flyctl_keeps_redundancy_on() -> None:
    document = organization_to_wire(ORGANIZATION)["organization"]
    assert (document["slug"], document["billable"], document["internal_numeric_id"]) == ("personal", True, 1)
    assert organizations_to_wire([ORGANIZATION])["organizations"] == [document]


@pytest.mark.parametrize("key", ["name", "app_name"])
def test_an_app_is_created_by_either_spelling_of_its_name(key: str) -> None:
    assert app_request_from_wire({key: "web", "org_slug": "personal", "network": "", "app_role_id": ""}) == AppRequest(
        name="web", org_slug="personal"
    )


@pytest.mark.parametrize("name", [None, "", 5, "Web", "a_b", "-a", "a" * 64])
def test_a_wrong_app_name_is_refused(name: object) -> None:
    with pytest.raises(Invalid) as caught:
        app_request_from_wire({"name": name})
    assert caught.value.field == "name"


def test_a_release_is_asked_for_as_flyctl_does() -> None:
    request = release_request_from_wire(
        {"app_name": "web", "build_id": 0, "definition": {"app": "web", "x": 1}, "image": "a:1", "strategy": "ROLLING"}
    )
    assert (request.app_name, request.image, request.strategy) == ("web", "a:1", "rolling")
    assert request.definition == {"app": "web", "x": 1}


@pytest.mark.parametrize(
    ("document", "field"),
    [
        ({}, "app_name"),
        ({"app_name": "a", "strategy": "hope"}, "strategy"),
        ({"app_name": "a", "definition": []}, "definition"),
    ],
)
def test_a_wrong_release_is_refused_by_field(document: dict[str, Any], field: str) -> None:
    with pytest.raises(Invalid) as caught:
        release_request_from_wire(document)
    assert caught.value.field == field


def test_a_release_goes_on_by_its_status() -> None:
    assert release_patch_from_wire({"status": "complete", "metadata": None}) == ReleasePatch(status="complete")
    with pytest.raises(Invalid, match="status"):
        release_patch_from_wire({"status": "great"})


def test_a_release_is_told_with_its_number() -> None:
    document = release_created_to_wire(RELEASE)["release"]
    assert (document["id"], document["version"], document["image_ref"]) == ("r1", 3, "debian:12")
    assert (document["strategy"], document["stable"], document["in_progress"]) == ("ROLLING", True, False)
    assert document["created_at"].startswith("2026-08-20T10:11:12")
    assert releases_to_wire([RELEASE]) == {"releases": [document]}


def test_a_build_has_a_number() -> None:
    assert build_to_wire(7, status="running") == {"id": 7, "status": "running", "wallclock_time_ms": 0}


def test_a_placement_may_be_anywhere_or_somewhere() -> None:
    assert placement_request_from_wire({"region": "any"}) == PlacementRequest()
    liked = placement_request_from_wire({"region": "[lhr],any"})
    assert (liked.regions, liked.anywhere) == (("lhr",), True)  # there if there is room, else anywhere
    request = placement_request_from_wire(
        {"region": "lhr,fra", "count": 2, "org_slug": "personal", "compute": {"cpus": 2}, "volume_size_bytes": 5}
    )
    assert (request.regions, request.count, request.volume_size_bytes) == (("lhr", "fra"), 2, 5)
    assert request.compute == Guest(cpus=2, memory_mb=512)
    assert placements_to_wire([Placement(region="lhr", count=2)]) == {
        "regions": [{"region": "lhr", "count": 2, "concurrency": 1}]
    }


def test_regions_have_three_letters_and_stand_on_the_earth() -> None:
    for code, region in REGIONS.items():
        assert len(code) == 3
        assert code == region.code == code.lower()
        assert -90 < region.latitude < 90
        assert -180 < region.longitude < 180
        assert region.geo_region in ("africa", "asia_pacific", "europe", "north_america", "south_america")


def test_a_region_of_ones_own_is_never_deprecated() -> None:
    assert region_to_wire(REGIONS["mia"], has_hosts=False)["deprecated"]
    assert not region_to_wire(REGIONS["mia"], has_hosts=True)["deprecated"]
    listed = regions_to_wire(["lhr", "home", "lhr"], nearest="lhr")
    assert [region["code"] for region in listed["regions"]] == ["home", "lhr"]
    assert listed["nearest"] == "lhr"
    assert describe_region("home").name == "home"


def test_presets_are_sizes_that_fly_sells() -> None:
    assert len(VM_SIZES) == 14
    for name, size in VM_SIZES.items():
        assert check_guest(size.guest) == size.guest
        assert size_name(size.guest) == name == get_size(name).name
    assert VM_SIZES["performance-16x"].guest == Guest(cpu_kind="performance", cpus=16, memory_mb=32768)


def test_an_unknown_size_names_those_of_its_family() -> None:
    with pytest.raises(Invalid, match="use one of performance-1x, performance-2x") as caught:
        get_size("performance-3x")
    assert "shared" not in caught.value.message


def test_a_log_page_survives_the_way_there_and_back() -> None:
    line = LogLine(id="1", at=NOW, message="hello", instance="m", region="lhr", meta={"event": {"provider": "app"}})
    page = log_page_to_wire([line], next_token="t")
    assert page["data"][0]["attributes"]["timestamp"] == "2026-08-20T10:11:12.000000Z"
    assert page["meta"] == {"next_token": "t"}
    assert log_page_from_wire(page) == ([line], "t")


@pytest.mark.parametrize("page", [None, {"data": 5}, {"data": [{}]}, {"data": [{"attributes": {"timestamp": "x"}}]}])
def test_a_log_page_that_is_none_is_the_servers_fault(page: object) -> None:
    with pytest.raises(Problem, match="log page cannot be read"):
        log_page_from_wire(page)
