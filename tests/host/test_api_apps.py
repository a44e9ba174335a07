"""Apps, releases, organizations and the platform, over HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count

import pytest

from real_api import ApiServer, run_api

pytestmark = pytest.mark.host

_numbers = count(1)


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    with run_api(tmp_path_factory.mktemp("api"), ("a", "z1", "lhr"), ("b", "z2", "lhr")) as server:
        yield server


@pytest.fixture
def app(api: ApiServer) -> str:
    name = f"app-{next(_numbers)}"
    api.http.post("/v1/apps?wait=true", json={"name": name, "org_slug": "personal"}).raise_for_status()
    return name


def test_a_new_app_tells_its_name_and_organization(api: ApiServer) -> None:
    answer = api.http.post("/v1/apps?wait=true", json={"app_name": "named-by-docs", "network": "", "app_role_id": ""})
    told = answer.json()
    assert answer.status_code == 201
    assert (told["name"], told["organization"]["slug"], told["status"]) == ("named-by-docs", "personal", "pending")
    assert api.http.get("/v1/apps/named-by-docs").json()["id"] == told["id"]


def test_a_name_is_taken_once(api: ApiServer, app: str) -> None:
    answer = api.http.post("/v1/apps", json={"name": app})
    assert answer.status_code == 422
    assert answer.json()["status"] == "name_taken" and "Name has already been taken" in answer.json()["error"]


def test_a_free_name_is_404_and_somebody_elses_is_403(api: ApiServer, app: str) -> None:
    free = api.http.get("/v1/apps/free-name")
    assert free.status_code == 404 and "app not found" in free.json()["error"]
    assert api.ask("GET", f"/v1/apps/{app}", token=api.make_token(organization="other")).status_code == 403


@pytest.mark.parametrize("name", ["", "Web", "a_b", "-a", "a" * 64, None])
def test_a_bad_name_is_refused(api: ApiServer, name: str | None) -> None:
    answer = api.http.post("/v1/apps", json={"name": name})
    assert answer.status_code == 422 and answer.json()["field"] == "name"


def test_an_unknown_organization_is_refused(api: ApiServer) -> None:
    assert api.http.post("/v1/apps", json={"name": "x1", "org_slug": "nowhere"}).status_code == 404
    assert api.http.get("/v1/apps?org_slug=nowhere").status_code == 404


def test_a_list_holds_the_organizations_apps_and_no_builders(api: ApiServer, app: str) -> None:
    told = api.http.get("/v1/apps?org_slug=personal").json()
    assert app in [one["name"] for one in told["apps"]] and told["total_apps"] == len(told["apps"])
    assert api.http.get("/v1/apps?org_slug=personal&app_role=remote-docker-builder").json()["apps"] == []
    refused = api.http.post("/v1/apps", json={"name": "builder", "app_role_id": "remote-docker-builder"})
    assert refused.status_code == 422


def test_destroying_an_app_destroys_its_machines_and_undoably_its_volumes(api: ApiServer, app: str) -> None:
    volume = api.http.post(f"/v1/apps/{app}/volumes", json={"name": "data", "size_gb": 1}).json()
    mounts = [{"volume": volume["id"], "path": "/data"}]
    machine = api.http.post(f"/v1/apps/{app}/machines", json={"config": {"image": "i", "mounts": mounts}}).json()
    told = api.http.get(f"/v1/apps/{app}").json()
    assert (told["machine_count"], told["volume_count"]) == (1, 1)
    assert api.http.delete(f"/v1/apps/{app}").status_code == 202
    agent = next(agent for agent in api.agents.values() if volume["id"] in agent.volumes)
    assert agent.machines[machine["id"]]["state"] == "destroyed"
    assert agent.volumes[volume["id"]]["state"] == "pending_destroy"
    for path in ("", "/machines", "/volumes"):
        assert api.http.get(f"/v1/apps/{app}{path}").status_code == 404


def test_releases_are_numbered_kept_and_complete_the_app(api: ApiServer, app: str) -> None:
    definition = {"app": app, "mounts": [{"source": "data", "destination": "/data"}], "unknown": {"a": [1.5, None]}}
    body = {"app_name": app, "build_id": None, "definition": definition, "image": "web:1", "strategy": "ROLLING"}
    made = api.http.post("/api/v1/releases", json=body)
    release = made.json()["release"]
    assert made.status_code == 201 and release["version"] == 1 and isinstance(release["id"], str)
    assert api.http.get(f"/api/v1/apps/{app}/releases/current").status_code == 404
    for status in ("running", "complete"):
        patched = api.http.patch(f"/api/v1/releases/{release['id']}", json={"status": status, "metadata": None})
        assert patched.status_code == 200 and patched.json()["status"] == status
    current = api.http.get(f"/api/v1/apps/{app}/releases/current").json()
    assert current["definition"] == definition and current["image_ref"] == "web:1"
    assert api.http.get(f"/v1/apps/{app}").json()["status"] == "deployed"
    api.http.post("/api/v1/releases", json=body)
    listed = api.http.get(f"/api/v1/apps/{app}/releases?limit=1").json()["releases"]
    assert [one["version"] for one in listed] == [2]


def test_a_release_of_nothing_is_refused(api: ApiServer) -> None:
    assert api.http.post("/api/v1/releases", json={"image": "i"}).status_code == 422
    assert api.http.post("/api/v1/releases", json={"app_name": "free-name"}).status_code == 404
    assert api.http.patch("/api/v1/releases/none", json={"status": "running"}).status_code == 404


def test_builds_of_the_client_get_a_number(api: ApiServer, app: str) -> None:
    started = api.http.post("/api/v1/builds", json={"app_name": app, "builder_type": "local"})
    assert started.status_code == 200 and isinstance(started.json()["id"], int)
    finished = api.http.post("/api/v1/builds/finish", json={"build_id": started.json()["id"], "status": "completed"})
    assert finished.status_code == 200 and finished.json()["id"] == started.json()["id"]


def test_the_organization_is_told_as_flyctl_wants_it(api: ApiServer) -> None:
    told = api.http.get("/api/v1/organizations/personal").json()["organization"]
    assert told["slug"] == "personal" and told["billable"] is True
    assert [one["slug"] for one in api.http.get("/api/v1/organizations").json()["organizations"]] == ["personal"]
    assert api.http.get("/api/v1/organizations/nowhere").status_code == 404


def test_regions_are_those_with_hosts(api: ApiServer) -> None:
    told = api.http.get("/v1/platform/regions").json()
    assert [region["code"] for region in told["regions"]] == ["lhr"] and told["nearest"] == "lhr"


def test_placements_are_never_empty_where_there_is_room(api: ApiServer) -> None:
    for region in ("any", "lhr", "[lhr],any"):
        body = {"region": region, "count": 2, "compute": {"cpu_kind": "shared", "cpus": 1, "memory_mb": 256}}
        told = api.http.post("/v1/platform/placements", json=body).json()
        assert told["regions"][0]["region"] == "lhr" and told["regions"][0]["count"] == 2
    refused = api.http.post("/v1/platform/placements", json={"region": "mars"})
    assert refused.status_code == 422 and "lhr" in refused.json()["error"]


def test_the_current_token_says_whose_it_is(api: ApiServer) -> None:
    (told,) = api.http.get("/v1/tokens/current").json()["tokens"]
    assert told["org_slug"] == "personal" and told["user"] == "admin" and told["apps"] == []


def test_addresses_come_with_the_edge_proxy(api: ApiServer, app: str) -> None:
    assert api.http.get(f"/v1/apps/{app}/ip_assignments").json() == {"ips": []}
    assert api.http.post(f"/v1/apps/{app}/ip_assignments", json={"type": "v6"}).status_code == 501


def test_an_image_is_fetched_by_a_host_or_the_host_says_why_not(api: ApiServer, app: str) -> None:
    found = api.http.post(f"/v1/apps/{app}/images", json={"image": "web:1"})
    assert (found.status_code, found.json()["image"]) == (200, "web:1")
    absent = api.http.post(f"/v1/apps/{app}/images", json={"image": "nothing:1"})
    assert (absent.status_code, absent.json()["error"]) == (404, "image nothing:1 does not exist")
