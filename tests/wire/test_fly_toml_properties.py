"""What holds for every fly.toml, whatever stands in it."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from fly_toml_strategies import configs, documents, texts
from hypothesis import example, given, settings
from hypothesis import strategies as st

from caddis.domain.errors import Invalid
from caddis.wire.fly_toml.config import FlyToml
from caddis.wire.fly_toml.definition import definition, from_definition
from caddis.wire.fly_toml.groups import group_names
from caddis.wire.fly_toml.load import check_types, load
from caddis.wire.fly_toml.machine import Deployed, to_machine_config
from caddis.wire.fly_toml.patches import patch
from caddis.wire.fly_toml.revise import revise
from caddis.wire.fly_toml.strict import list_unknown_keys
from caddis.wire.fly_toml.validate import validate
from caddis.wire.fly_toml.write import write

NOW = datetime(2026, 8, 20, 10, 11, 12, tzinfo=UTC)
FORMATS = ("fly.toml", "fly.json", "fly.yaml")
formats = st.sampled_from(FORMATS)
few = settings(max_examples=40)  # each is a whole file


@given(documents, st.sampled_from(["fly.json", "fly.yaml"]))  # JSON is YAML
@example({"services": [{"unknown": 1}]}, "fly.json")
@settings(max_examples=60)
def test_whatever_a_document_holds_there_are_only_faults(document: dict[str, Any], name: str) -> None:
    try:
        config = load(json.dumps(document), name)
    except Invalid as refused:
        assert name in refused.message
        return
    findings = validate(config)
    assert all(one.row == 1 and one.key for one in findings)
    assert {fault.key for fault in config.faults} <= {one.key for one in findings}
    list_unknown_keys(config)
    once = patch(config.document).document
    assert patch(once).document == once
    if not config.faults:
        assert from_definition(definition(config)) == config
        check_types(config)
    if not any(one.level == "error" for one in findings):
        for group in group_names(config):
            json.dumps(to_machine_config(config, group, Deployed(image="a:1", files={"data": b"", "/data": b""})))


@given(documents)
@settings(max_examples=20)
def test_a_json_document_is_the_same_as_yaml(document: dict[str, Any]) -> None:
    text = json.dumps(document)
    try:
        as_json, as_yaml = load(text, "fly.json"), load(text, "fly.yaml")
    except Invalid:
        return
    assert as_json == as_yaml
    assert as_json.faults == as_yaml.faults


@given(configs, formats)
@few
def test_what_is_written_is_read_again(config: FlyToml, name: str) -> None:
    assert load(write(config, name=name, at=NOW), name) == config


@given(configs, configs, formats)
@few
def test_a_file_can_be_brought_to_any_other_configuration(old: FlyToml, new: FlyToml, name: str) -> None:
    text = write(old, name=name, at=NOW)
    revised = revise(text, new, name=name, at=NOW)
    assert load(revised, name) == new
    assert revise(revised, new, name=name, at=NOW) == revised
    assert revise(text, old, name=name, at=NOW) == text


@given(configs, texts, st.sampled_from(["fly.toml", "fly.yaml"]), st.data())
@few
def test_comments_survive_what_is_changed_and_added(config: FlyToml, word: str, name: str, data: st.DataObject) -> None:
    text = _with_comments(write(replace(config, app="old"), name=name, at=NOW), data)
    env = {**config.env, "ADDED": word}
    wanted = replace(config, app="new", primary_region=word, env=env, swap_size_mb=7)
    revised = revise(text, wanted, name=name, at=NOW)
    assert load(revised, name) == wanted
    for number in range(text.count("# remark ")):
        assert revised.count(f"# remark {number}.") == 1


def _with_comments(text: str, data: st.DataObject) -> str:
    """A remark above some of the rows that are a key or a header at the left; texts of several rows are escaped."""
    rows, number = [], 0
    for row in text.removesuffix("\n").split("\n"):
        if row and not row.startswith((" ", "#")) and data.draw(st.booleans()):
            rows.append(f"# remark {number}.")
            number += 1
        rows.append(row)
    return "\n".join(rows) + "\n"


@given(st.text(max_size=200), configs, formats)
@few
def test_a_file_that_cannot_be_read_is_written_anew(text: str, config: FlyToml, name: str) -> None:
    assert load(revise(text, config, name=name, at=NOW), name) == config


USERS = """\
# my app, do not touch
app = "old"  # the name

[env]
# why 8080: because
PORT = "8080"

# where the data is
[mount]
source = "old_data"   # since 2019
destination = "/old"

[[services]]
# 80 is taken
internal_port = 81
ports = [{ port = 81 }]
colour = "red"
"""


def test_an_edit_touches_what_differs_and_nothing_beside_it() -> None:
    config = load(USERS)
    (service,) = config.services
    wanted = replace(config, app="new", primary_region="lhr", services=(replace(service, internal_port=82),))
    expected = USERS.replace('app = "old"  # the name\n', 'app = "new"  # the name\nprimary_region = "lhr"\n')
    assert revise(USERS, wanted, at=NOW) == expected.replace("internal_port = 81", "internal_port = 82")


def test_an_edit_of_an_older_spelling_replaces_that_section_only() -> None:
    config = load(USERS)
    wanted = replace(config, mounts=(replace(config.mounts[0], destination="/new"),))
    text = revise(USERS, wanted, at=NOW)
    assert load(text) == wanted
    assert "[mount]" not in text and "[[mounts]]" in text
    for comment in ("# my app, do not touch", "# the name", "# why 8080: because", "# 80 is taken"):
        assert comment in text


def test_a_value_of_a_wrong_type_does_not_survive_a_save() -> None:
    text = '# mine\napp = "demo"\nkill_timeout = []\n[deploy]\nstrategy = 5\n'
    revised = revise(text, FlyToml(app="demo"), at=NOW)
    assert load(revised) == FlyToml(app="demo") and not load(revised).faults
    assert "# mine" in revised


YAML = """\
# my app
app: old   # the name

env:
    # why: because
    PORT: "8080"
mounts:
    - source: data   # big
      destination: /data
"""


def test_an_edit_of_yaml_keeps_layout_quotes_and_comments() -> None:
    config = load(YAML, "fly.yaml")
    wanted = replace(config, app="new", mounts=(replace(config.mounts[0], destination="/new"),))
    expected = YAML.replace("app: old", "app: new").replace("/data", "/new")
    assert revise(YAML, wanted, name="fly.yaml", at=NOW) == expected


def test_an_edit_of_yaml_leaves_remarks_with_the_key_below_them() -> None:
    text = (
        "app: old\nprimary_region: ams\n# how long\nkill_timeout: 5s\nenv:\n  A: x\n# where the data is\nmounts: []\n"
    )
    wanted = replace(load(text, "fly.yaml"), primary_region="", env={})
    expected = "app: old\n# how long\nkill_timeout: 5s\n# where the data is\nmounts: []\n"
    assert revise(text, wanted, name="fly.yaml", at=NOW) == expected


@pytest.mark.parametrize("name", FORMATS)
def test_a_new_file_says_what_it_is(name: str) -> None:
    text = write(FlyToml(app="demo"), name=name, at=NOW)
    assert (name == "fly.json") != text.startswith(f"# {name}: configuration of the app demo, written 2026-08-20")
