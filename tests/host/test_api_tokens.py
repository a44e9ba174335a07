"""Secrets and tokens through a real API process: what is told of them, and what is not."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from real_api import ApiServer, run_api

pytestmark = pytest.mark.host

HIDDEN = "hunter-two"


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    with run_api(tmp_path_factory.mktemp("api"), ("a", "z1", "lhr")) as server:
        for name in ("web", "shop"):
            server.http.post("/v1/apps", json={"name": name, "org_slug": "personal"}).raise_for_status()
        yield server


def _set(api: ApiServer, **values: str | None) -> dict[str, Any]:
    answer = api.http.post("/v1/apps/web/secrets", json={"values": values})
    answer.raise_for_status()
    told: dict[str, Any] = answer.json()
    return told


# --- secrets ----------------------------------------------------------------------------------------------------------
def test_a_change_tells_what_it_changed_and_the_version(api: ApiServer) -> None:
    told = _set(api, A=HIDDEN, B="1")
    assert [one["name"] for one in told["secrets"]] == ["A", "B"] and told["version"] == told["Version"]
    assert set(told["secrets"][0]) == {"name", "digest", "created_at", "updated_at", "version"}
    again = _set(api, A=None, ABSENT=None)
    assert again["version"] == told["version"] + 1 and again["secrets"] == []
    assert [one["name"] for one in api.http.get("/v1/apps/web/secrets").json()["secrets"]] == ["B"]


def test_one_secret_has_calls_of_its_own(api: ApiServer) -> None:
    made = api.http.post("/v1/apps/web/secrets/ONE", json={"value": HIDDEN})
    assert made.status_code == 201 and made.json()["version"] > 0 and "value" not in made.json()
    one = api.http.get("/v1/apps/web/secrets/ONE").json()
    assert one["digest"] == made.json()["digest"] and "value" not in one
    gone = api.http.delete("/v1/apps/web/secrets/ONE")
    assert gone.json()["version"] == made.json()["version"] + 1
    assert api.http.get("/v1/apps/web/secrets/ONE").status_code == 404
    assert api.http.delete("/v1/apps/web/secrets/ONE").status_code == 200


def test_values_are_told_only_to_who_may_change_them(api: ApiServer) -> None:
    _set(api, SHOWN=HIDDEN)
    deploy = api.make_token(app_id=api.http.get("/v1/apps/web").json()["internal_numeric_id"])
    for path in ("/v1/apps/web/secrets", "/v1/apps/web/secrets/SHOWN"):
        assert HIDDEN not in api.http.get(path).text
        assert HIDDEN in api.http.get(f"{path}?show_secrets=true").text
        assert HIDDEN in api.ask("GET", f"{path}?show_secrets=true", token=deploy).text
        refused = api.ask("GET", f"{path}?show_secrets=true", token=api.make_token(read_only=True))
        assert refused.status_code == 403 and HIDDEN not in refused.text
        assert api.ask("GET", path, token=api.make_token(read_only=True)).status_code == 200


@pytest.mark.parametrize("name", ["version", "min_version"])
def test_a_version_that_has_not_come_is_a_conflict(api: ApiServer, name: str) -> None:
    version = _set(api, A="1")["version"]
    assert api.http.get(f"/v1/apps/web/secrets?{name}={version}").status_code == 200
    assert api.http.get(f"/v1/apps/web/secrets?{name}={version + 1}").status_code == 409
    assert api.http.get(f"/v1/apps/web/secrets?{name}=soon").status_code == 422


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"values": []},
        {"values": {"A": 5150}},
        {"values": {"A": {"deep": HIDDEN}}},
        {"values": {"A": [HIDDEN]}},
        {"values": {"1A": HIDDEN}},
        {"values": {"A-B": HIDDEN}},
        {"values": {"A": HIDDEN + "\0"}},
        {"values": {"A": HIDDEN * 7000}},
    ],
)
def test_what_cannot_be_is_refused_without_a_word_of_it(api: ApiServer, body: dict[str, Any]) -> None:
    before = api.http.get("/v1/apps/web/secrets").json()
    answer = api.http.post("/v1/apps/web/secrets", json=body)
    assert answer.status_code == 422, answer.text
    assert HIDDEN not in answer.text and "5150" not in answer.text
    assert api.http.get("/v1/apps/web/secrets").json() == before


def test_a_machine_is_ordered_with_the_newest_and_the_client_cannot_say_which(api: ApiServer) -> None:
    version = _set(api, A=HIDDEN, FILE="eA==")["version"]
    forged = {"version": 99, "env": {"FORGED": "1"}}
    files = [{"guest_path": "/x", "secret_name": "FILE"}]
    body = {"config": {"image": "i", "files": files}, "app_secrets": forged}
    made = api.http.post("/v1/apps/web/machines", json=body)
    assert made.status_code == 200 and HIDDEN not in made.text
    ordered = api.agents["a"].bodies[-1]["app_secrets"]
    assert ordered["version"] == version and ordered["env"]["A"] == HIDDEN and "FORGED" not in ordered["env"]
    assert ordered["files"] == {"FILE": "eA=="}
    path = f"/v1/apps/web/machines/{made.json()['id']}"
    api.http.post(path, json={**body, "skip_secrets": True}).raise_for_status()
    assert api.agents["a"].bodies[-1]["app_secrets"] == {"version": version, "env": {}, "files": {"FILE": "eA=="}}
    early = api.http.post(path, json={**body, "min_secrets_version": version + 1})
    assert early.status_code == 409 and "version" in early.json()["error"]


def test_a_process_may_choose_its_secrets(api: ApiServer) -> None:
    _set(api, A=HIDDEN, B="2")
    process = {"secrets": [{"env_var": "RENAMED", "name": "A"}, {"env_var": "B"}], "ignore_app_secrets": True}
    body = {"config": {"image": "i", "processes": [process]}}
    api.http.post("/v1/apps/web/machines", json=body).raise_for_status()
    assert api.agents["a"].bodies[-1]["app_secrets"]["env"] == {"RENAMED": HIDDEN, "B": "2"}
    process["secrets"] = [{"name": "ABSENT"}]
    refused = api.http.post("/v1/apps/web/machines", json=body)
    assert refused.status_code == 422 and refused.json()["field"] == "config.processes[0].secrets"


# --- tokens -----------------------------------------------------------------------------------------------------------
def _make(api: ApiServer, **body: Any) -> dict[str, Any]:
    answer = api.http.post("/api/v1/tokens", json=body)
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


def _current(api: ApiServer, token: str) -> dict[str, Any]:
    told: dict[str, Any] = api.ask("GET", "/v1/tokens/current", token=token).json()["tokens"][0]
    return told


def test_a_token_is_told_once_and_kept_as_a_hash(api: ApiServer, tmp_path_factory: pytest.TempPathFactory) -> None:
    made = _make(api, kind="deploy", app="web", name="ci")
    assert _current(api, made["token"])["apps"] == ["web"]
    listed = api.http.get("/api/v1/tokens?app=web")
    (mine,) = [one for one in listed.json()["tokens"] if one["id"] == made["id"]]
    assert (mine["name"], mine["app"], mine["created_by"], mine["read_only"]) == ("ci", "web", "admin", False)
    assert made["token"] not in listed.text
    for path in Path(tmp_path_factory.getbasetemp()).rglob("data/*"):
        assert not path.is_file() or made["token"].encode() not in path.read_bytes()


def test_each_kind_reaches_what_it_says(api: ApiServer) -> None:
    org, reader = (_make(api, kind=kind) for kind in ("org", "readonly"))
    assert (_current(api, org["token"])["apps"], _current(api, org["token"])["read_only"]) == ([], False)
    assert _current(api, reader["token"])["read_only"] is True
    ids = [one["id"] for one in api.http.get("/api/v1/tokens").json()["tokens"]]
    assert {org["id"], reader["id"]} <= set(ids)
    assert api.http.post("/v1/apps/web/deploy_token", json={"expiry": "1h"}).json()["token"].startswith("cds1_")


def test_a_token_ends_when_it_is_revoked_and_not_by_its_own_hand(api: ApiServer) -> None:
    made = _make(api, kind="org")
    refused = api.ask("DELETE", f"/api/v1/tokens/{made['id']}", token=made["token"])
    assert refused.status_code == 409 and refused.json()["hint"]
    path = f"/api/v1/tokens/{made['id']}"
    assert api.http.delete(path).status_code == api.http.delete(path).status_code == 200
    assert api.ask("GET", "/v1/apps", token=made["token"]).status_code == 401
    assert made["id"] not in [one["id"] for one in api.http.get("/api/v1/tokens").json()["tokens"]]


def test_another_organizations_tokens_are_not_there(api: ApiServer) -> None:
    theirs = api.make_token(organization="other")
    number = _current(api, theirs)["token_id"]
    assert api.http.delete(f"/api/v1/tokens/{number}").status_code == 404
    assert number not in [one["id"] for one in api.http.get("/api/v1/tokens").json()["tokens"]]
    assert api.ask("GET", "/v1/apps", token=theirs).status_code == 200


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "kind"),
        ({"kind": "root"}, "kind"),
        ({"kind": "deploy"}, "app"),
        ({"kind": "org", "app": "web"}, "app"),
        ({"kind": "org", "name": "admin"}, "name"),
        ({"kind": "org", "name": "x" * 101}, "name"),
        ({"kind": "org", "expiry": "soon"}, "expiry"),
        ({"kind": "org", "expiry": "-1h"}, "expiry"),
    ],
)
def test_a_wrong_wish_is_refused_by_its_field(api: ApiServer, body: dict[str, Any], field: str) -> None:
    before = api.http.get("/api/v1/tokens").json()
    answer = api.http.post("/api/v1/tokens", json=body)
    assert (answer.status_code, answer.json()["field"]) == (422, field), answer.text
    assert api.http.get("/api/v1/tokens").json() == before
