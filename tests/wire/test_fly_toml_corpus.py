"""Every file of fly_toml_corpus against what is expected of it; its README says how to add one, without Python."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from caddis.domain.errors import Invalid
from caddis.wire.fly_toml.config import FlyToml
from caddis.wire.fly_toml.definition import definition, from_definition
from caddis.wire.fly_toml.groups import group_names, mounts_for
from caddis.wire.fly_toml.load import load
from caddis.wire.fly_toml.machine import Deployed, to_machine_config
from caddis.wire.fly_toml.revise import revise
from caddis.wire.fly_toml.strict import list_unknown_keys
from caddis.wire.fly_toml.validate import validate
from caddis.wire.fly_toml.write import write
from caddis.wire.machine_config import config_from_wire

CORPUS = Path(__file__).parent / "fly_toml_corpus"
EXPECTED = ".expected.json"
FILES = {
    path.stem: path
    for path in sorted(CORPUS.iterdir())
    if path.suffix in (".toml", ".json", ".yaml") and not path.name.endswith(EXPECTED)
}
CASES = sorted(FILES)
NOW = datetime(2026, 8, 20, 10, 11, 12, tzinfo=UTC)
KEYS = {"error", "says", "unknown", "definition", "same_as", "mounts", "machines"}


def expected_of(case: str) -> dict[str, Any]:
    expected = json.loads((CORPUS / f"{case}{EXPECTED}").read_text())
    assert isinstance(expected, dict) and expected.keys() <= KEYS, f"{case}: of {sorted(KEYS)} only"
    return expected


def loaded(case: str) -> FlyToml:
    return load(FILES[case].read_text(), FILES[case].name.replace(case, "fly"))


def observe(case: str) -> dict[str, Any]:
    """All that may be expected of a case."""
    try:
        config = loaded(case)
    except Invalid as problem:
        return {"error": problem.message}
    findings = validate(config)
    observed: dict[str, Any] = {
        "says": [f"{'✘' if one.level == 'error' else 'WARNING'} row {one.row}: {one.sentence}" for one in findings],
        "unknown": [f"{name} (row {row})" for name, row in list_unknown_keys(config)],
        "definition": definition(config),
        "mounts": {
            group: [f"{mount.source}:{mount.destination}" for mount in mounts_for(config, group)]
            for group in group_names(config)
        },
    }
    if not any(one.level == "error" for one in findings):
        observed["machines"] = {group: machine_of(config, group) for group in group_names(config)}
    return observed


def machine_of(config: FlyToml, group: str) -> dict[str, Any]:
    """Without what is the same for all; local files hold their own path."""
    files = {file.local_path: file.local_path.encode() for file in config.files if file.local_path}
    deployed = Deployed(image="registry.local/demo:1", release_id="r1", release_version=3, files=files)
    document = to_machine_config(config, group, deployed)
    assert config_from_wire(document).process_group == group, "the API takes it"
    assert document.pop("image") == "registry.local/demo:1"
    assert document.pop("metadata") == {
        "fly_platform_version": "v2",
        "fly_process_group": group,
        "fly_release_id": "r1",
        "fly_release_version": "3",
    }
    return document if document["init"] else {key: value for key, value in document.items() if key != "init"}


def test_every_file_has_its_expectation_and_there_are_at_least_sixty() -> None:
    assert sorted(path.name.removesuffix(EXPECTED) for path in CORPUS.glob(f"*{EXPECTED}")) == CASES
    assert len(CASES) >= 60
    assert {path.suffix for path in FILES.values()} == {".toml", ".json", ".yaml"}


@pytest.mark.parametrize("case", CASES)
def test_a_case_is_read_as_expected(case: str) -> None:
    expected, observed = expected_of(case), observe(case)
    same = expected.pop("same_as", None)
    if same is not None:
        assert loaded(case) == loaded(same)
    defaults: dict[str, Any] = {} if "error" in expected else {"says": [], "unknown": []}
    expected = {**defaults, **expected}
    assert {key: observed.get(key) for key in expected} == expected
    assert ("error" in observed) == ("error" in expected)


SOUND = [case for case in CASES if "error" not in expected_of(case) and not loaded(case).faults]


@pytest.mark.parametrize("case", SOUND)
def test_a_case_survives_being_written(case: str) -> None:
    config = loaded(case)
    for name in ("fly.toml", "fly.json", "fly.yaml"):
        assert load(write(config, name=name, at=NOW), name) == config
    assert from_definition(definition(config)) == config
    assert definition(from_definition(definition(config))) == definition(config)


@pytest.mark.parametrize("case", SOUND)
def test_a_case_can_be_brought_to_another_name_and_every_comment_stays(case: str) -> None:
    name, text = FILES[case].name.replace(case, "fly"), FILES[case].read_text()
    wanted = replace(loaded(case), app="another", primary_region="ams", swap_size_mb=77)
    revised = revise(text, wanted, name=name, at=NOW)
    assert load(revised, name) == wanted
    if not name.endswith(".json"):
        comments = re.findall(r"(?:^|\s)(#.*)$", text, re.MULTILINE)
        assert [comment for comment in comments if comment not in revised] == []
