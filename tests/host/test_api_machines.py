"""Machines over HTTP: placed where their volume is, listed, passed on to their host."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
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
    name = f"app-{next(_numbers)}"
    api.http.post("/v1/apps", json={"name": name}).raise_for_status()
    yield name
    for agent in api.agents.values():
        agent.full, agent.report_delay = False, 0.0
    api.http.delete(f"/v1/apps/{name}").raise_for_status()


def _volume(api: ApiServer, app: str, **fields: Any) -> dict[str, Any]:
    body = {"name": "data", "region": "lhr", "size_gb": 1, "require_unique_zone": False, **fields}
    answer = api.http.post(f"/v1/apps/{app}/volumes", json=body)
    answer.raise_for_status()
    made: dict[str, Any] = answer.json()
    return made


def _create(api: ApiServer, app: str, volume: str = "", *, region: str = "", **config: Any) -> httpx2.Response:
    if volume:
        config["mounts"] = [{"volume": volume, "path": "/data"}]
    return api.http.post(f"/v1/apps/{app}/machines", json={"config": {"image": "i", **config}, "region": region})


def _host_of(api: ApiServer, machine: str) -> str:
    return next(name for name, agent in api.agents.items() if machine in agent.machines)


def test_a_machine_goes_to_where_its_volume_is(api: ApiServer, app: str) -> None:
    for wish in ({"region": "lhr"}, {"region": "ord"}, {"region": "lhr", "name": "other"}):
        volume = _volume(api, app, **wish)
        machine = _create(api, app, volume["id"]).json()
        assert volume["id"] in api.agents[_host_of(api, machine["id"])].volumes
        listed = {one["id"]: one for one in api.http.get(f"/v1/apps/{app}/volumes").json()}
        assert listed[volume["id"]]["attached_machine_id"] == machine["id"]


def test_a_mount_by_name_takes_a_free_volume_of_that_name(api: ApiServer, app: str) -> None:
    volumes = {_volume(api, app)["id"] for _ in range(2)}
    with ThreadPoolExecutor() as pool:
        made = [answer.json() for answer in pool.map(lambda _: _create(api, app, "data", region="lhr"), range(2))]
    assert {machine["config"]["mounts"][0]["volume"] for machine in made} == volumes
    refused = _create(api, app, "data")
    assert refused.status_code == 409 and "attached to a machine already" in refused.json()["error"]
    assert f"fly volumes create data -a {app}" in refused.json()["hint"]


def test_machines_that_are_asked_for_at_once_go_to_different_hosts(api: ApiServer, app: str) -> None:
    for agent in api.agents.values():
        agent.report_delay = 0.3  # the index has none of them while the others are placed
    with ThreadPoolExecutor() as pool:
        made = [answer.json()["id"] for answer in pool.map(lambda _: _create(api, app, region="lhr"), range(4))]
    assert sorted(_host_of(api, machine) for machine in made) == ["a", "a", "b", "b"]


def test_volumes_that_cannot_be_meant_are_refused_plainly(api: ApiServer, app: str) -> None:
    api.http.post("/v1/apps", json={"name": "neighbour"})
    foreign, far = _volume(api, "neighbour"), _volume(api, app, region="ord")
    for volume, region, words in (
        ("vol_0000000000000000", "", "does not exist"),
        (foreign["id"], "", "belongs to another app"),
        (far["id"], "lhr", "is in region ord"),
        ("unknown", "", "no volume named 'unknown'"),
        ("data", "lhr", "no volume named 'data' in region lhr"),
    ):
        answer = _create(api, app, volume, region=region)
        assert answer.status_code == 422, answer.text
        assert words in answer.json()["error"] and answer.json()["field"].startswith("config.mounts")
    attached = _create(api, app, far["id"]).json()["id"]
    second = _create(api, app, far["id"])
    assert second.status_code == 409 and attached in second.json()["error"]


@pytest.mark.parametrize(
    "mounts",
    [
        [{"volume": "vol_0000000000000000", "path": "/"}],
        [{"volume": "vol_0000000000000000", "path": "data"}],
        [{"volume": "vol_0000000000000000", "path": "/a"}, {"volume": "vol_0000000000000001", "path": "/b"}],
        "data",
    ],
)
def test_bad_mounts_reach_no_host(api: ApiServer, app: str, mounts: Any) -> None:
    before = sum(len(agent.orders) for agent in api.agents.values())
    assert _create(api, app, mounts=mounts).status_code == 422
    assert sum(len(agent.orders) for agent in api.agents.values()) == before


def test_unknown_fields_are_kept_and_returned_unchanged(api: ApiServer, app: str) -> None:
    odd = {"future": {"deep": [1, 2.5, None, "ü"]}, "metrics": {"port": 1}}
    volume = _volume(api, app)
    mounts = [{"volume": volume["id"], "path": "/data", "odd": True}]
    made = _create(api, app, **odd, mounts=mounts).json()
    for told in (made, api.http.get(f"/v1/apps/{app}/machines/{made['id']}").json()):
        assert {key: told["config"][key] for key in odd} == odd and told["config"]["mounts"][0]["odd"] is True
    (listed,) = api.http.get(f"/v1/apps/{app}/machines").json()
    assert listed["config"]["future"] == odd["future"]


def test_a_full_host_is_passed_over(api: ApiServer, app: str) -> None:
    api.agents["a"].full = True
    assert _host_of(api, _create(api, app, region="lhr").json()["id"]) == "b"
    api.agents["b"].full = True
    refused = _create(api, app, region="lhr")
    assert refused.status_code == 422 and refused.json()["status"] == "insufficient_capacity"


def test_a_machine_with_a_volume_is_not_sent_elsewhere(api: ApiServer, app: str) -> None:
    volume = _volume(api, app, region="ord")
    api.agents["c"].full = True
    assert _create(api, app, volume["id"]).status_code == 422
    assert not any(agent.machines.keys() & {volume["id"]} for agent in api.agents.values())


def test_you_read_what_you_wrote(api: ApiServer, app: str) -> None:
    for agent in api.agents.values():
        agent.report_delay = 0.2
    machine = _create(api, app).json()["id"]
    path = f"/v1/apps/{app}/machines"
    assert [one["id"] for one in api.http.get(path).json()] == [machine]
    api.http.post(f"{path}/{machine}/stop", json={"timeout": "0s"}).raise_for_status()
    assert api.http.get(path).json()[0]["state"] == "stopped"
    api.http.delete(f"{path}/{machine}?kill=true").raise_for_status()
    assert api.http.get(path).json() == []
    assert [one["state"] for one in api.http.get(f"{path}?include_deleted=true").json()] == ["destroyed"]


def test_a_host_that_reports_late_delays_an_answer_but_does_not_hold_it(api: ApiServer, app: str) -> None:
    for agent in api.agents.values():
        agent.report_delay = 2.5  # longer than control's patience
    assert _create(api, app).status_code == 200


def test_lists_are_filtered(api: ApiServer, app: str) -> None:
    path = f"/v1/apps/{app}/machines"
    one = _create(api, app, region="lhr", metadata={"fly_process_group": "app", "x": "1"}).json()["id"]
    two = _create(api, app, region="ord", metadata={"fly_process_group": "web", "x": "1"}).json()["id"]
    api.http.post(f"{path}/{two}/stop").raise_for_status()

    def listed(query: str) -> list[str]:
        return [machine["id"] for machine in api.http.get(f"{path}?{query}").json()]

    assert listed("region=lhr") == [one]
    assert listed("state=stopped,suspended") == [two]
    assert listed("metadata.fly_process_group=web") == [two]
    assert sorted(listed("metadata.x=1")) == sorted([one, two])
    assert listed("metadata.x=1&metadata.fly_process_group=app") == [one]
    assert all("events" not in machine for machine in api.http.get(f"{path}?summary=true").json())
    first = api.http.get(f"{path}?limit=1")
    assert len(first.json()) == 1
    rest = api.http.get(f"{path}?limit=1&cursor={first.headers['fly-next-cursor']}")
    assert {first.json()[0]["id"], rest.json()[0]["id"]} == {one, two} and "fly-next-cursor" not in rest.headers


def test_what_concerns_one_machine_is_passed_on_as_it_is(api: ApiServer, app: str) -> None:
    machine = _create(api, app).json()["id"]
    path = f"/v1/apps/{app}/machines/{machine}"
    told = api.http.post(
        f"{path}/exec?a=1&a=2", content=b'{"cmd": "true",  "odd": 1}', headers={"fly-machine-lease-nonce": "n1"}
    ).json()
    assert told["query"] == [["app", app], ["a", "1"], ["a", "2"]] and told["body"] == '{"cmd": "true",  "odd": 1}'
    headers = api.agents[_host_of(api, machine)].orders[-1][2]
    assert headers["fly-machine-lease-nonce"] == "n1" and headers["caddis-user"] == "admin"
    assert "authorization" not in headers
    for method, verb in (
        ("GET", "wait"), ("GET", "ps"), ("GET", "events"), ("GET", "versions"), ("GET", "lease"), ("POST", "lease"),
        ("DELETE", "lease"), ("GET", "metadata"), ("PATCH", "metadata"), ("PUT", "metadata"), ("POST", "signal"),
        ("POST", "cordon"), ("POST", "uncordon"), ("POST", "restart"),
    ):  # fmt: skip
        assert api.http.request(method, f"{path}/{verb}").json()["verb"] == verb
    for method in ("POST", "GET", "DELETE"):
        api.http.request(method, f"{path}/metadata/k", json={"value": "v"}).raise_for_status()
        assert api.agents[_host_of(api, machine)].orders[-1][:2] == (method, f"/machines/{machine}/metadata/k")


def test_a_metadata_key_cannot_lead_elsewhere(api: ApiServer, app: str) -> None:
    machine = _create(api, app).json()["id"]
    answer = api.http.post(f"/v1/apps/{app}/machines/{machine}/metadata/..%2F..%2Fx", json={"value": "1"})
    assert answer.status_code == 404
    assert not any(path == "/machines/x" for _, path, _ in api.agents[_host_of(api, machine)].orders)


def test_machines_of_other_apps_are_not_found(api: ApiServer, app: str) -> None:
    api.http.post("/v1/apps", json={"name": "neighbour"})
    foreign = _create(api, "neighbour").json()["id"]
    for machine in (foreign, "00000000000000"):
        path = f"/v1/apps/{app}/machines/{machine}"
        for method, suffix in (("GET", ""), ("POST", ""), ("DELETE", ""), ("POST", "/start"), ("GET", "/wait")):
            answer = api.http.request(method, path + suffix, json={"config": {"image": "i"}})
            assert answer.status_code == 404 and "machine not found" in answer.json()["error"]


def test_an_update_may_name_its_volume(api: ApiServer, app: str) -> None:
    volume = _volume(api, app)
    machine = _create(api, app, volume["id"]).json()["id"]
    config = {"image": "two", "mounts": [{"volume": "data", "path": "/elsewhere"}], "odd": 1}
    updated = api.http.post(f"/v1/apps/{app}/machines/{machine}", json={"config": config}).json()
    assert updated["config"]["mounts"][0]["volume"] == volume["id"] and updated["config"]["odd"] == 1


def test_suspending_is_refused_plainly(api: ApiServer, app: str) -> None:
    machine = _create(api, app).json()["id"]
    answer = api.http.post(f"/v1/apps/{app}/machines/{machine}/suspend")
    assert answer.status_code == 400 and "fly machine stop" in answer.json()["hint"]


def test_logs_of_several_hosts_are_mixed_by_time_and_continued(api: ApiServer, app: str) -> None:
    for region in ("lhr", "ord"):
        _create(api, app, region=region)
    first = api.http.get(f"/api/v1/apps/{app}/logs").json()
    messages = [line["attributes"]["message"] for line in first["data"]]
    assert len(messages) == 2 and all(message.startswith("line 0") for message in messages)
    token = first["meta"]["next_token"]
    again = api.http.get(f"/api/v1/apps/{app}/logs", params={"next_token": token, "region": "ord"}).json()
    assert [line["attributes"]["message"] for line in again["data"]] == ["line 1 of c"]
    assert api.http.get(f"/api/v1/apps/{app}/logs?next_token=nonsense").status_code == 422


def test_an_organizations_machines_are_told_short(api: ApiServer, app: str) -> None:
    machine = _create(api, app, metadata={"a": "b"}).json()["id"]
    told = api.http.get("/v1/orgs/personal/machines").json()
    (found,) = [one for one in told["machines"] if one["id"] == machine]
    assert found["app_name"] == app and found["config"]["metadata"] == {"a": "b"} and "events" not in found
