"""Who may call what: every route, with every kind of token."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx2
import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from caddis.api.access import Access
from caddis.api.routes import ENTRIES, PASSAGES, Entry, Passage
from real_api import ApiServer, run_api, wait_until

pytestmark = pytest.mark.host

_BODIES = {
    "/api/v1/releases": {"app_name": "web", "image": "i"},
    "/api/v1/releases/{id}": {"status": "running"},
    "/api/v1/builds": {"app_name": "web"},
    "/v1/apps": {"name": "other-name"},
    "/api/v1/tokens": {"kind": "org"},
    "/v1/apps/{app}/secrets": {"values": {"KEY": "value"}},
    "/v1/apps/{app}/secrets/{name}": {"value": "value"},
}


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    with run_api(tmp_path_factory.mktemp("api"), ("a", "z1", "lhr")) as server:
        for name in ("web", "shop"):
            server.http.post("/v1/apps", json={"name": name, "org_slug": "personal"}).raise_for_status()
        release = server.http.post("/api/v1/releases", json={"app_name": "web", "image": "i"}).json()["release"]
        server.release = release["id"]  # type: ignore[attr-defined]
        yield server


def _app_id(api: ApiServer, name: str) -> int:
    return int(api.http.get(f"/v1/apps/{name}").json()["internal_numeric_id"])


def _call(api: ApiServer, entry: Entry, token: str) -> httpx2.Response:
    release = api.release  # type: ignore[attr-defined]
    path = entry.path.format(
        app="web", id=release if "releases" in entry.path else "none", key="k", name="KEY", slug="personal", host="a"
    )
    body = _BODIES.get(entry.path, {}) if entry.method in ("POST", "PUT", "PATCH") else None
    return api.ask(entry.method, path, token=token, json=body)


def _of(*kinds: Access) -> list[pytest.param]:  # type: ignore[valid-type]
    return [pytest.param(entry, id=f"{entry.method} {entry.path}") for entry in ENTRIES if entry.access in kinds]


@pytest.mark.parametrize("entry", _of(Access.READ, Access.WRITE, Access.OWNER, Access.HOST))
@pytest.mark.parametrize("token", ["", "cds1_wrong", "fm2_macaroon"])
def test_nothing_is_answered_without_a_good_token(api: ApiServer, entry: Entry, token: str) -> None:
    answer = _call(api, entry, token)
    assert answer.status_code == 401
    assert "token" in answer.json()["error"] and answer.json()["hint"]
    assert answer.headers["fly-request-id"]


@pytest.mark.parametrize("entry", _of(Access.WRITE, Access.OWNER))
def test_a_read_only_token_changes_nothing(api: ApiServer, entry: Entry) -> None:
    before = len(api.agents["a"].orders)
    answer = _call(api, entry, api.make_token(read_only=True))
    assert answer.status_code == 403 and "read-only" in answer.json()["error"]
    assert len(api.agents["a"].orders) == before


@pytest.mark.parametrize("entry", _of(Access.READ))
def test_a_read_only_token_may_read(api: ApiServer, entry: Entry) -> None:
    if entry.path.endswith("/wait"):
        return
    assert _call(api, entry, api.make_token(read_only=True)).status_code not in (401, 403)


@pytest.mark.parametrize(
    "entry", [one for one in _of(Access.READ, Access.WRITE, Access.OWNER) if "{app}" in one.values[0].path]
)
def test_a_token_for_another_app_does_not_reach_this_one(api: ApiServer, entry: Entry) -> None:
    answer = _call(api, entry, api.make_token(app_id=_app_id(api, "shop")))
    assert answer.status_code == 403 and "this token is for app shop" in answer.json()["error"]


@pytest.mark.parametrize(
    "entry", [one for one in _of(Access.READ, Access.WRITE, Access.OWNER) if "{app}" in one.values[0].path]
)
def test_a_token_of_another_organization_does_not_reach_this_app(api: ApiServer, entry: Entry) -> None:
    answer = _call(api, entry, api.make_token(organization="other"))
    assert answer.status_code == 403 and "another organization" in answer.json()["error"]


_FOR_ORGANIZATIONS = {"/v1/orgs/{slug}/machines", "/v1/orgs/{slug}/volumes", "/api/v1/tokens"}
_NAMES_AN_APP = {"/api/v1/releases", "/api/v1/releases/{id}", "/api/v1/builds"}  # in the body, or by the release
_KINDS = ("org", "read-only", "deploy", "deploy of another app", "expired", "revoked")


def _token(api: ApiServer, kind: str) -> str:
    app = {"deploy": "web", "deploy of another app": "shop"}.get(kind)
    more = {"expires_at": datetime.now(UTC) - timedelta(days=1)} if kind == "expired" else {}
    if kind == "revoked":
        more = {"expires_at": datetime.max.replace(tzinfo=UTC)}  # so that it is one of its own
    token = api.make_token(app_id=_app_id(api, app) if app else None, read_only=kind == "read-only", **more)
    if kind == "revoked":
        owner = api.ask("GET", "/v1/tokens/current", token=token)
        if owner.status_code == 200:
            api.http.delete(f"/api/v1/tokens/{owner.json()['tokens'][0]['token_id']}").raise_for_status()
    return token


def _expected(entry: Entry, kind: str) -> int:
    """401, 403, or 0 where the token is let in."""
    if kind in ("expired", "revoked") or entry.access is Access.HOST:
        return 401
    if kind == "read-only":
        return 0 if entry.access is Access.READ else 403
    if kind == "org":
        return 0
    if entry.access is Access.OWNER or entry.path in _FOR_ORGANIZATIONS:
        return 403
    of_an_app = "{app}" in entry.path or entry.path in _NAMES_AN_APP
    return 403 if kind == "deploy of another app" and of_an_app else 0


@pytest.mark.parametrize("entry", _of(Access.READ, Access.WRITE, Access.OWNER, Access.HOST))
def test_every_route_lets_in_whom_it_is_for(api: ApiServer, entry: Entry) -> None:
    for kind in _KINDS:
        if (entry.method, entry.path, kind) == ("DELETE", "/v1/apps/{app}", "org"):
            continue  # it would: the others need the app
        status = _call(api, entry, _token(api, kind)).status_code
        assert (status if status in (401, 403) else 0) == _expected(entry, kind), (kind, status)


def _knock(api: ApiServer, passage: Passage, token: str) -> tuple[int, str]:
    url = "ws" + str(api.http.base_url).removeprefix("http").rstrip("/") + passage.path.format(app="web", id="none")
    with pytest.raises(InvalidStatus) as refused:
        connect(url, additional_headers={"authorization": f"Bearer {token}"}, proxy=None)
    return refused.value.response.status_code, json.loads(bytes(refused.value.response.body or b"{}"))["error"]


@pytest.mark.parametrize("passage", PASSAGES, ids=lambda passage: passage.path.rpartition("/")[2])
def test_streams_are_for_who_may_change_the_machines_app(api: ApiServer, passage: Passage) -> None:
    before = len(api.agents["a"].orders)
    for token, status, words in (
        ("cds1_wrong", 401, "the token is not valid"),
        (api.make_token(read_only=True), 403, "read-only"),
        (api.make_token(app_id=_app_id(api, "shop")), 403, "this token is for app shop"),
        (api.make_token(organization="other"), 403, "another organization"),
        (api.user_token, 404, "machine not found"),
    ):
        answer = _knock(api, passage, token)
        assert (answer[0], words in answer[1]) == (status, True), answer
    assert len(api.agents["a"].orders) == before


@pytest.mark.parametrize("path", ["/v1/orgs/personal/machines", "/v1/orgs/personal/volumes"])
def test_lists_over_an_organization_are_not_for_app_tokens(api: ApiServer, path: str) -> None:
    assert api.ask("GET", path, token=api.make_token(app_id=_app_id(api, "web"))).status_code == 403
    assert api.ask("GET", path, token=api.make_token(organization="other")).status_code == 403
    assert api.ask("GET", path).status_code == 200


def test_a_volume_is_found_by_its_id_alone_by_whoever_reaches_its_app(api: ApiServer) -> None:
    wish = {"name": "data", "region": "lhr", "size_gb": 1}
    volume = api.http.post("/v1/apps/web/volumes", json=wish).json()["id"]
    wait_until(lambda: api.http.get("/v1/apps/web/volumes").json())
    path = f"/api/v1/volumes/{volume}"
    for token in (api.user_token, api.make_token(app_id=_app_id(api, "web")), api.make_token(read_only=True)):
        found = api.ask("GET", path, token=token).json()
        assert (found["id"], found["app_name"], found["name"]) == (volume, "web", "data")
    absent = api.ask("GET", "/api/v1/volumes/vol_none")
    for token in (api.make_token(app_id=_app_id(api, "shop")), api.make_token(organization="other")):
        hidden = api.ask("GET", path, token=token)
        assert (absent.status_code, hidden.status_code) == (404, 404)
        assert hidden.json()["error"] == absent.json()["error"].replace("vol_none", volume)


def test_a_machine_is_found_by_its_id_alone_by_whoever_reaches_its_app(api: ApiServer) -> None:
    machine = api.http.post("/v1/apps/web/machines", json={"config": {"image": "i"}}).json()["id"]
    path = f"/api/v1/machines/{machine}"
    for token in (api.user_token, api.make_token(app_id=_app_id(api, "web")), api.make_token(read_only=True)):
        found = api.ask("GET", path, token=token).json()
        assert (found["id"], found["app_name"]) == (machine, "web")
    for token in (api.make_token(app_id=_app_id(api, "shop")), api.make_token(organization="other")):
        assert api.ask("GET", path, token=token).status_code == 404
    api.http.delete(f"/v1/apps/web/machines/{machine}?force=true").raise_for_status()
    assert api.ask("GET", path).status_code == 404


def test_an_app_token_works_on_its_app_and_makes_no_other(api: ApiServer) -> None:
    token = api.make_token(app_id=_app_id(api, "web"))
    assert api.ask("GET", "/v1/apps/web/machines", token=token).json() == []
    assert [app["name"] for app in api.ask("GET", "/v1/apps", token=token).json()["apps"]] == ["web"]
    assert api.ask("POST", "/v1/apps", token=token, json={"name": "third"}).status_code == 403
    assert api.ask("GET", "/api/v1/organizations/personal", token=token).status_code == 200
    other = {"app_name": "shop", "image": "i"}
    assert api.ask("POST", "/api/v1/releases", token=token, json=other).status_code == 403


def test_a_release_of_another_app_cannot_be_patched(api: ApiServer) -> None:
    token = api.make_token(app_id=_app_id(api, "shop"))
    release = api.release  # type: ignore[attr-defined]
    answer = api.ask("PATCH", f"/api/v1/releases/{release}", token=token, json={"status": "complete"})
    assert answer.status_code == 403


def test_expired_tokens_are_not_good(api: ApiServer) -> None:
    token = api.make_token(expires_at=datetime.now(UTC) - timedelta(seconds=1))
    assert api.ask("GET", "/v1/apps", token=token).status_code == 401


@pytest.mark.parametrize("header", ["Bearer {}", "bearer {}", "FlyV1 {}", "FlyV1 fm2_x,{}", "Bearer fm1r_a, {} ,fm2_b"])
def test_both_schemes_and_comma_lists_are_read(api: ApiServer, header: str) -> None:
    headers = {"authorization": header.format(api.user_token)}
    assert api.http.get("/v1/apps", headers=headers).status_code == 200


@pytest.mark.parametrize("header", ["{}", "Basic {}", "Bearer", "Bearer ,,"])
def test_other_schemes_are_not(api: ApiServer, header: str) -> None:
    assert api.http.get("/v1/apps", headers={"authorization": header.format(api.user_token)}).status_code == 401


def test_a_user_is_no_host_and_a_host_no_user(api: ApiServer) -> None:
    report = {"host": api.agents["a"].card(), "reports": []}
    assert api.ask("POST", "/internal/hosts/a/reports", json=report).status_code == 401
    assert api.ask("GET", "/v1/apps", token=api.host_tokens["a"]).status_code == 401
    assert api.ask("POST", "/internal/hosts/a/reports", token=api.host_tokens["a"], json=report).status_code == 200
    assert api.ask("POST", "/internal/hosts/b/reports", token=api.host_tokens["a"], json=report).status_code == 401


def test_a_host_cannot_speak_for_another(api: ApiServer) -> None:
    report = {"host": {**api.agents["a"].card(), "id": "b"}, "reports": []}
    answer = api.ask("POST", "/internal/hosts/a/reports", token=api.host_tokens["a"], json=report)
    assert answer.status_code == 403


def test_only_health_is_open_and_tells_nothing(api: ApiServer) -> None:
    # the registry's clients have hosts' tokens too, so its route looks for itself
    assert [entry.path for entry in ENTRIES if entry.access is Access.OPEN] == ["/healthz", "/registry/token"]
    assert api.ask("GET", "/registry/token", token="").status_code == 401
    assert api.ask("GET", "/healthz", token="").json() == {"status": "ok"}


def test_tokens_are_never_logged(api: ApiServer, tmp_path_factory: pytest.TempPathFactory) -> None:
    for log in Path(tmp_path_factory.getbasetemp()).rglob("api.log"):
        assert "cds1_" not in log.read_text() and "cdh1_" not in log.read_text()
