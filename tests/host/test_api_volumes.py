"""Volumes over HTTP: placed, listed, changed, brought back."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from typing import Any

import httpx2
import pytest

from real_api import ApiServer, run_api

pytestmark = pytest.mark.host

_numbers = count(1)


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    hosts = (("a", "z1", "lhr"), ("b", "z2", "lhr"), ("c", "z3", "ord"))
    with run_api(tmp_path_factory.mktemp("api"), *hosts) as server:
        yield server


@pytest.fixture
def app(api: ApiServer) -> Iterator[str]:
    name = _make_app(api)
    yield name
    for agent in api.agents.values():
        agent.full, agent.report_delay = False, 0.0
    api.http.delete(f"/v1/apps/{name}").raise_for_status()


def _make_app(api: ApiServer) -> str:
    name = f"app-{next(_numbers)}"
    api.http.post("/v1/apps", json={"name": name}).raise_for_status()
    return name


def _create(api: ApiServer, app: str, **fields: Any) -> httpx2.Response:
    body = {"name": "data", "region": "lhr", "size_gb": 1, "encrypted": None, "snapshot_id": None, **fields}
    return api.http.post(f"/v1/apps/{app}/volumes", json=body)


def test_two_volumes_of_one_name_go_to_two_zones_and_a_third_is_refused(api: ApiServer, app: str) -> None:
    one, two = _create(api, app).json(), _create(api, app).json()
    assert {one["zone"], two["zone"]} == {"z1", "z2"}
    third = _create(api, app)
    assert third.status_code == 422 and third.json()["status"] == "insufficient_capacity"
    assert "unique zone" in third.json()["error"] and "--hosts" in third.json()["hint"]
    assert _create(api, app, require_unique_zone=False).status_code == 200


def test_two_at_the_same_instant_go_to_two_zones_as_well(api: ApiServer, app: str) -> None:
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor() as pool:
        made = [answer.json() for answer in pool.map(lambda _: _create(api, app), range(2))]
    assert {volume["zone"] for volume in made} == {"z1", "z2"}


def test_a_volume_is_in_the_list_as_soon_as_it_was_created(api: ApiServer, app: str) -> None:
    for agent in api.agents.values():
        agent.report_delay = 0.2
    made = _create(api, app).json()
    assert [volume["id"] for volume in api.http.get(f"/v1/apps/{app}/volumes").json()] == [made["id"]]
    assert made["attached_machine_id"] is None and made["host_status"] == "ok"


def test_a_host_that_refuses_is_passed_over(api: ApiServer, app: str) -> None:
    api.agents["a"].full = True
    assert _create(api, app).json()["zone"] == "z2"
    api.agents["b"].full = True
    refused = _create(api, app, require_unique_zone=False)
    assert refused.status_code == 422 and "is full" in refused.json()["error"]


@pytest.mark.parametrize(
    ("fields", "field", "words"),
    [
        ({"region": "mars"}, "region", "region mars not found"),
        ({"name": "Bad-Name"}, "name", "lowercase letters"),
        ({"size_gb": 0}, "size_gb", "1 to 500"),
        ({"size_gb": -1}, "size_gb", "1 to 500"),
        ({"size_gb": 501}, "size_gb", "1 to 500"),
        ({"size_gb": "abc"}, "size_gb", "whole number"),
    ],
)
def test_bad_wishes_are_refused_before_any_host_is_asked(
    api: ApiServer, app: str, fields: dict[str, Any], field: str, words: str
) -> None:
    before = sum(len(agent.orders) for agent in api.agents.values())
    answer = _create(api, app, **fields)
    assert answer.status_code == 422 and answer.json()["field"] == field and words in answer.json()["error"]
    assert sum(len(agent.orders) for agent in api.agents.values()) == before


def test_more_than_the_pool_has_is_refused(api: ApiServer, app: str) -> None:
    answer = _create(api, app, size_gb=400)
    assert answer.status_code == 422 and "the most that one can give" in answer.json()["error"]


def test_without_a_region_the_nearest_is_taken(api: ApiServer, app: str) -> None:
    assert _create(api, app, region="").json()["region"] == "lhr"
    assert _create(api, app, region="ord", name="far").json()["zone"] == "z3"


def test_a_volume_is_updated_destroyed_and_brought_back(api: ApiServer, app: str) -> None:
    path = f"/v1/apps/{app}/volumes/{_create(api, app).json()['id']}"
    settings = {"snapshot_retention": 7, "auto_backup_enabled": None}
    for method in ("PUT", "POST"):
        assert api.http.request(method, path, json=settings).json()["snapshot_retention"] == 7
    assert api.http.delete(path).json()["state"] == "pending_destroy"
    assert api.http.get(f"/v1/apps/{app}/volumes").json()[0]["state"] == "pending_destroy"
    assert api.http.post(f"{path}/restore").json()["state"] == "created"
    assert api.http.get(path).json()["state"] == "created"


def test_a_destroyed_volume_does_not_hold_its_zone(api: ApiServer, app: str) -> None:
    for _ in range(2):
        made = _create(api, app).json()
    api.http.delete(f"/v1/apps/{app}/volumes/{made['id']}").raise_for_status()
    assert _create(api, app).json()["zone"] == made["zone"]


def test_volumes_of_other_apps_and_unknown_ones_are_not_found(api: ApiServer, app: str) -> None:
    api.http.post("/v1/apps", json={"name": "neighbour"})
    foreign = _create(api, "neighbour").json()["id"]
    for volume in (foreign, "vol_0000000000000000", "x"):
        for method, suffix in (("GET", ""), ("PUT", ""), ("DELETE", ""), ("POST", "/restore"), ("PUT", "/extend")):
            answer = api.http.request(method, f"/v1/apps/{app}/volumes/{volume}{suffix}", json={})
            assert answer.status_code == 404 and "volume not found" in answer.json()["error"]
    assert api.http.get("/v1/apps/free-name/volumes").status_code == 404


def test_an_extended_volume_comes_with_whether_a_restart_is_needed(api: ApiServer, app: str) -> None:
    id = _create(api, app).json()["id"]
    answer = api.http.put(f"/v1/apps/{app}/volumes/{id}/extend", json={"size_gb": 2}).json()
    assert (answer["volume"]["size_gb"], answer["needs_restart"]) == (2, True)
    listed = {one["id"]: one["size_gb"] for one in api.http.get(f"/v1/apps/{app}/volumes").json()}
    assert listed[id] == 2


def test_snapshots_of_a_volume_are_listed_oldest_first_and_only_to_its_app(api: ApiServer, app: str) -> None:
    path = f"/v1/apps/{app}/volumes/{_create(api, app).json()['id']}/snapshots"
    assert api.http.get(path).json() == []
    made = [api.http.post(path).json()["id"] for _ in range(3)]
    assert [one["id"] for one in api.http.get(path).json()] == made
    other = _make_app(api)
    assert api.http.get(path.replace(f"/{app}/", f"/{other}/")).status_code == 404
    assert api.http.get(f"/v1/apps/{app}/volumes/vol_0000000000000000/snapshots").status_code == 404


def test_a_copy_goes_to_the_host_of_its_origin_and_has_its_size(api: ApiServer, app: str) -> None:
    origin = _create(api, app, size_gb=2).json()
    snapshot = api.http.post(f"/v1/apps/{app}/volumes/{origin['id']}/snapshots").json()["id"]
    for source in ({"source_volume_id": origin["id"]}, {"snapshot_id": snapshot}):
        copy = _create(api, app, size_gb=None, region="", **source).json()
        assert (copy["zone"], copy["size_gb"]) == (origin["zone"], 2)
        small = _create(api, app, size_gb=1, **source)
        assert small.status_code == 422 and "too small" in small.json()["error"]
        assert small.json()["field"] == "size_gb"
        assert _create(api, _make_app(api), **source).status_code == 404


def test_a_copy_has_one_origin(api: ApiServer, app: str) -> None:
    both = {"snapshot_id": "vs_0000000000000000", "source_volume_id": "vol_0000000000000000"}
    assert "not from both" in _create(api, app, **both).json()["error"]


def test_an_organizations_volumes_are_told_page_by_page(api: ApiServer, app: str) -> None:
    made = sorted(_create(api, app, name=f"n{number}").json()["id"] for number in range(3))
    found: list[str] = []
    cursor = ""
    while True:
        page = api.http.get(f"/v1/orgs/personal/volumes?limit=2&cursor={cursor}").json()
        found += [volume["id"] for volume in page["volumes"] if volume["app_name"] == app]
        cursor = page["next_cursor"]
        if not cursor:
            break
    assert found == made
