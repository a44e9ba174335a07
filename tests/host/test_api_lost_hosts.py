"""What the API says while a host does not answer, and how it comes back."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Thread

import httpx2
import pytest
import sqlalchemy as sa

from caddis.catalog.schema import hosts as hosts_table
from real_api import DEADLINE, ApiServer, run_api, wait_until

pytestmark = pytest.mark.host


@pytest.fixture
def api(tmp_path: Path) -> Iterator[ApiServer]:
    with run_api(tmp_path, ("a", "z1", "lhr"), ("b", "z2", "lhr")) as server:
        server.http.post("/v1/apps", json={"name": "web"}).raise_for_status()
        yield server


def _volume(api: ApiServer) -> dict[str, str]:
    made: dict[str, str] = api.http.post("/v1/apps/web/volumes", json={"name": "data", "size_gb": 1}).json()
    return made


def _fall_silent(api: ApiServer, host: str) -> None:
    """As if it had not reported for a minute."""
    api.agents[host].die()
    past = datetime.now(UTC) - timedelta(minutes=1)
    api.catalog.write(
        lambda connection: connection.execute(
            sa.update(hosts_table).where(hosts_table.c.id == host).values(last_seen=past)
        )
    )


def test_the_last_known_state_is_told_and_marked(api: ApiServer) -> None:
    volume = _volume(api)
    mounts = [{"volume": volume["id"], "path": "/data"}]
    machine = api.http.post("/v1/apps/web/machines", json={"config": {"image": "i", "mounts": mounts}}).json()
    host = next(name for name, agent in api.agents.items() if volume["id"] in agent.volumes)
    _fall_silent(api, host)
    for path in (f"/machines/{machine['id']}", "/machines", f"/volumes/{volume['id']}", "/volumes"):
        told = api.http.get(f"/v1/apps/web{path}").json()
        told = told[0] if isinstance(told, list) else told
        assert told["host_status"] == "unreachable"
    assert api.http.get(f"/v1/apps/web/machines/{machine['id']}").json()["config"]["image"] == "i"


def test_orders_to_a_lost_host_are_refused_with_504(api: ApiServer) -> None:
    volume = _volume(api)
    host = next(name for name, agent in api.agents.items() if volume["id"] in agent.volumes)
    _fall_silent(api, host)
    answer = api.http.delete(f"/v1/apps/web/volumes/{volume['id']}")
    assert answer.status_code == 504 and f"host {host} cannot be reached" in answer.json()["error"]
    assert "Errno" not in answer.text


def _two_machines(api: ApiServer) -> dict[str, str]:
    """One on each host; ids by host."""
    bodies = [{"config": {"image": "i", "mounts": [{"volume": _volume(api)["id"], "path": "/data"}]}} for _ in "ab"]
    for body in bodies:
        api.http.post("/v1/apps/web/machines", json=body).raise_for_status()
    return {name: next(iter(agent.machines)) for name, agent in api.agents.items()}


def test_an_app_that_lies_on_a_lost_host_too_is_not_half_destroyed(api: ApiServer) -> None:
    machines = _two_machines(api)
    _fall_silent(api, "a")
    answer = api.http.delete("/v1/apps/web")
    assert answer.status_code == 504 and "on a, which does not answer: nothing was destroyed" in answer.json()["error"]
    assert api.http.get("/v1/apps/web").json()["machine_count"] == 2
    assert api.agents["b"].machines[machines["b"]]["state"] == "started"


def test_an_app_is_suspended_and_resumed_as_far_as_its_hosts_answer(api: ApiServer) -> None:
    machines = _two_machines(api)
    _fall_silent(api, "a")
    told = api.http.post("/v1/apps/web/suspend").json()
    lost = {"id": machines["a"], "error": "host a does not answer"}
    assert told == {"status": "suspended", "machines": [machines["b"]], "failed": [lost]}
    release = {"app_name": "web", "image": "i", "definition": {}, "strategy": "ROLLING"}
    refused = api.http.post("/api/v1/releases", json=release)
    assert refused.status_code == 409 and refused.json()["error"] == "app web is suspended"
    api.agents["a"].silent = False
    with api.agents["a"].open():
        api.agents["a"].push()
        assert api.http.post("/v1/apps/web/suspend").json()["machines"] == [machines["a"]]
        assert {agent.machines[machines[name]]["state"] for name, agent in api.agents.items()} == {"stopped"}
        told = api.http.post("/v1/apps/web/resume").json()
        assert told == {"status": "pending", "machines": sorted(machines.values()), "failed": []}
        assert api.http.post("/v1/apps/web/resume").json()["machines"] == []


def test_a_machine_that_rests_until_its_schedule_starts_it_rests_on_while_its_app_is_suspended(api: ApiServer) -> None:
    made = api.http.post("/v1/apps/web/machines", json={"config": {"image": "i", "schedule": "hourly"}}).json()["id"]
    (agent,) = [agent for agent in api.agents.values() if made in agent.machines]
    api.http.post(f"/v1/apps/web/machines/{made}/stop", json={}).raise_for_status()
    for _ in range(2):
        assert api.http.post("/v1/apps/web/suspend").json() == {"status": "suspended", "machines": [], "failed": []}
        assert agent.machines[made]["config"]["metadata"] == {"caddis_suspended": "rested"}
    assert api.http.post("/v1/apps/web/resume").json()["machines"] == []
    assert (agent.machines[made]["state"], agent.machines[made]["config"]["metadata"]) == ("stopped", {})


def test_what_does_not_answer_is_seen_in_the_platform_s_status(api: ApiServer) -> None:
    assert api.http.get("/v1/platform/status").json()["status"] == "operational"
    _fall_silent(api, "a")
    told = api.http.get("/v1/platform/status").json()
    assert told["status"] == "degraded"
    assert {host["id"]: host["status"] for host in told["hosts"]} == {"a": "unreachable", "b": "ok"}


def test_new_things_go_to_hosts_that_answer(api: ApiServer) -> None:
    api.agents["a"].die()  # not yet known: it reported a moment ago
    for _ in range(2):
        body = {"name": "data", "size_gb": 1, "require_unique_zone": False}
        assert api.http.post("/v1/apps/web/volumes", json=body).json()["zone"] == "z2"
        machine = api.http.post("/v1/apps/web/machines", json={"config": {"image": "i"}}).json()
        assert machine["id"] in api.agents["b"].machines


def test_without_any_host_the_answer_says_so(api: ApiServer) -> None:
    for agent in api.agents.values():
        agent.die()
    assert api.http.post("/v1/apps/web/volumes", json={"name": "data", "size_gb": 1}).status_code == 504
    assert api.http.get("/v1/apps/web/volumes").json() == []


def test_an_index_that_lost_everything_is_filled_again_by_the_hosts(api: ApiServer) -> None:
    agent = api.agents["a"]
    agent.push()
    api.catalog.write(
        lambda connection: connection.execute(sa.update(hosts_table).values(acknowledged=0, last_seen=None))
    )
    assert agent.push() == {"acknowledged": 0, "tell_everything": True}


def test_reports_that_cannot_be_read_are_refused_whole(api: ApiServer) -> None:
    card = api.agents["a"].card()
    good = {"sequence": 1, "kind": "volume", "id": "v1", "app": "web", "body": {"id": "v1", "state": "created"}}
    for reports in (
        [good, {"sequence": 2}],
        [good, {**good, "sequence": 2, "kind": "moon"}],
        [good, {**good, "body": 1}],
    ):
        answer = api.ask(
            "POST", "/internal/hosts/a/reports", token=api.host_tokens["a"], json={"host": card, "reports": reports}
        )
        assert answer.status_code == 400 and "cannot be read" in answer.json()["error"]
    assert api.http.get("/v1/apps/web/volumes").json() == []


def test_a_long_poll_does_not_hold_up_the_end(tmp_path: Path) -> None:
    told: list[httpx2.Response] = []

    with run_api(tmp_path, ("a", "z1", "lhr")) as api:
        api.http.post("/v1/apps", json={"name": "web"})
        machine = api.http.post("/v1/apps/web/machines", json={"config": {"image": "i"}}).json()["id"]
        api.agents["a"].wait_seconds = 60.0
        owner = {"authorization": f"Bearer {api.user_token}"}
        url = f"{api.address}/v1/apps/web/machines/{machine}/wait"
        polling = Thread(target=lambda: told.append(httpx2.get(url, headers=owner, timeout=60)))
        polling.start()
        wait_until(lambda: any(path.endswith("/wait") for _, path, _ in api.agents["a"].orders))
        os.kill(api.pid, signal.SIGTERM)
        polling.join(DEADLINE)
    assert told and told[0].status_code == 504 and "is ending" in told[0].json()["error"]
    assert "Traceback" not in (tmp_path / "api.log").read_text()
