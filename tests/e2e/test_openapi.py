"""Requests of every shape that Fly's OpenAPI document permits: no failure of ours, and no answer that it does not know.

The document (tests/flyctl/machines-openapi.json) is a condensed transcription: it names few of the errors, so any 4xx
with a sentence is as documented. What else differs is listed here, each with its reason.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi.checks import response_schema_conformance, status_code_conformance

from real_calls import Calls
from real_up import left_behind, running

pytestmark = pytest.mark.e2e

DOCUMENT = json.loads((Path(__file__).parents[1] / "flyctl" / "machines-openapi.json").read_text())
OPERATIONS = {
    f"{operation.method.upper()} {operation.path}": operation
    for operation in (found.ok() for found in schemathesis.openapi.from_dict(DOCUMENT).get_all_operations())
}
NOT_HERE = {  # answered with 404
    "certificates": "there is no edge proxy that could use them",
    "secretkeys": "machines have secrets; keys that never leave the server come later",
    "memory": "a machine's memory is promised whole: there is no balloon",
    "deploy_token": "fly tokens create deploy",
    "tokens": "tokens are opaque here and not macaroons; only /tokens/current has a meaning",
    "ip_assignments/{ip}": "no app has an address",
}
DIFFERENT = {
    "POST /apps/{app_name}/ip_assignments": {
        501
    },  # refused plainly until there is an edge proxy (facts: clients go on)
    "POST /apps": {201},  # `created_at` is a time as everywhere else; the document has a number, which no client reads
}
ENDINGS = {  # they would take away what the others are tried on
    "DELETE /apps/{app_name}",
    "DELETE /apps/{app_name}/machines/{machine_id}",
    "DELETE /apps/{app_name}/volumes/{volume_id}",
}
CHECKS = [not_a_server_error, status_code_conformance, response_schema_conformance]
EXAMPLES = 12


@dataclass(frozen=True)
class Target:
    """An app with a running machine and its volume."""

    base: str
    headers: dict[str, str]
    names: dict[str, str]


@pytest.fixture(scope="module")
def target() -> Iterator[Target]:
    with running(hosts=1, pool_size="8G") as up:
        calls = Calls(up, "fuzz")
        volume = calls.make_volume()
        machine = calls.make_machine("while true; do sleep 0.1; done", volume=volume)
        names = {"app_name": "fuzz", "machine_id": machine, "volume_id": volume, "org_slug": "personal"}
        base = str(calls.client.base_url).rstrip("/") + "/v1"
        yield Target(base, {"Authorization": f"Bearer {calls.token}"}, names)
        assert calls.machine(machine)["state"] in ("started", "stopped", "starting", "stopping", "restarting", "failed")
        calls.close()
    assert left_behind(up.data) == []


@pytest.mark.parametrize("name", [name for name in OPERATIONS if name not in ENDINGS])
def test_whatever_fits_the_document_gets_an_answer_that_fits(target: Target, name: str) -> None:
    problems: list[str] = []

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(OPERATIONS[name].as_strategy())
    def ask(case: Any) -> None:
        case.path_parameters |= {key: text for key, text in target.names.items() if key in case.path_parameters}
        if name.endswith("/wait"):
            case.query = {**(case.query or {}), "timeout": 1}
        problems.extend(_complaints(target, case, DIFFERENT.get(name, set())))

    ask()
    assert not problems, "\n".join(problems[:5])


def _complaints(target: Target, case: Any, different: set[int]) -> list[str]:
    for header in [name for name in case.headers or {} if name.lower() == "authorization"]:
        del case.headers[header]
    answer = case.call(base_url=target.base, headers=target.headers)
    assert answer.status_code != 401
    if answer.status_code in different:
        return []
    if 400 <= answer.status_code < 500:
        told = answer.json()
        missing = any(f"/{part}" in case.path for part in NOT_HERE)
        plain = isinstance(told.get("error"), str) and (missing or "there is nothing at" not in told["error"])
        return [] if plain else [f"{case.method} {case.formatted_path}: {answer.status_code} {answer.text}"]
    try:
        case.validate_response(answer, checks=CHECKS)
    except FailureGroup as failures:
        return [
            f"{case.method} {case.formatted_path} {case.body!r}: {answer.status_code} {answer.text[:500]}: {failures}"
        ]
    return []
