"""Every fly_toml_corpus/NAME.toml against what NAME.json expects of it. A new case needs two files and no Python.

The JSON holds any of: `error` (the sentence with which load refuses), `definition`, `findings` (lists of level, key,
row and message, in order), `unknown` (what --strict lists), `machines` (a config document for each process group; local
files hold their own path). What is not there is not compared; a case without `error` must load, survive write and
load, and its machine configs must be ones that the API takes.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from caddis.domain.errors import Invalid
from caddis.wire.fly_toml.config import FlyToml
from caddis.wire.fly_toml.definition import definition, from_definition
from caddis.wire.fly_toml.groups import group_names
from caddis.wire.fly_toml.load import load
from caddis.wire.fly_toml.machine import Deployed, to_machine_config
from caddis.wire.fly_toml.strict import list_unknown_keys
from caddis.wire.fly_toml.validate import validate
from caddis.wire.fly_toml.write import write
from caddis.wire.machine_config import config_from_wire

CORPUS = Path(__file__).parent / "fly_toml_corpus"
CASES = sorted(path.stem for path in CORPUS.glob("*.toml"))
NOW = datetime(2026, 8, 20, 10, 11, 12, tzinfo=UTC)


def text_of(case: str) -> str:
    return (CORPUS / f"{case}.toml").read_text()


def expected_of(case: str) -> dict[str, Any]:
    expected = json.loads((CORPUS / f"{case}.json").read_text())
    assert isinstance(expected, dict)
    return expected


def observe(case: str) -> dict[str, Any]:
    """All that may be expected of a case."""
    try:
        config = load(text_of(case))
    except Invalid as problem:
        return {"error": problem.message}
    findings = [[found.level, found.key, found.row, found.message] for found in validate(config)]
    observed: dict[str, Any] = {
        "definition": definition(config),
        "findings": findings,
        "unknown": list_unknown_keys(config),
    }
    if not any(level == "error" for level, *_ in findings):
        observed["machines"] = {group: machine_of(config, group) for group in group_names(config)}
    return observed


def machine_of(config: FlyToml, group: str) -> dict[str, Any]:
    files = {file.local_path: file.local_path.encode() for file in config.files if file.local_path}
    deployed = Deployed(image="registry.local/demo:1", release_id="r1", release_version=3, files=files)
    return to_machine_config(config, group, deployed)


def test_the_corpus_is_complete() -> None:
    assert sorted(path.stem for path in CORPUS.glob("*.json")) == CASES


@pytest.mark.parametrize("case", CASES)
def test_a_case_is_read_as_expected(case: str) -> None:
    expected, observed = expected_of(case), observe(case)
    assert {key: observed.get(key) for key in expected} == expected
    assert ("error" in observed) == ("error" in expected)


@pytest.mark.parametrize("case", [case for case in CASES if "error" not in expected_of(case)])
def test_a_case_survives_being_written(case: str) -> None:
    config = load(text_of(case))
    assert load(write(config, at=NOW)) == config
    assert load(write(config, name="fly.json", at=NOW), "fly.json") == config
    assert from_definition(definition(config)) == config
    assert definition(from_definition(definition(config))) == definition(config)


@pytest.mark.parametrize("case", [case for case in CASES if "machines" in expected_of(case)])
def test_the_machines_of_a_case_are_ones_that_the_api_takes(case: str) -> None:
    for group, document in expected_of(case)["machines"].items():
        assert config_from_wire(document).process_group == group
