"""fly.toml as text: rows of keys, syntax errors, writing, editing with comments kept."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wire_strategies import anything

from caddis.domain.errors import Invalid
from caddis.wire.fly_toml.config import FlyToml, HttpService, Mount, Vm
from caddis.wire.fly_toml.load import check_types, load
from caddis.wire.fly_toml.parse import parse
from caddis.wire.fly_toml.patches import patch
from caddis.wire.fly_toml.rows_toml import scan
from caddis.wire.fly_toml.source import Source
from caddis.wire.fly_toml.validate import validate
from caddis.wire.fly_toml.write import write

NOW = datetime(2026, 8, 20, 10, 11, 12, tzinfo=UTC)

TEXT = """\
# comment with [brackets] and key = value
app = "demo"  # its name

list = [
  "[not.a.table]",
  "key = 1",
]
[env]
"QUOTED.KEY" = '''
[mounts]
source = "trap"
'''
[build.args]
A = "1"
[[services]]
internal_port = 1
[[services.ports]]
port = 1
[[services.ports]]
port = 2
[[services]]
ports = [{ port = 3 }]
[mount]
source = "a"
[[mounts]]
source = "b"
[[mounts]]
source = "c"
deploy.strategy = "x"
"""


@pytest.mark.parametrize(
    ("path", "row"),
    [
        ("app", 2),
        ("list", 4),
        ("list[1]", 4),
        ("env", 8),
        ("env.NOWHERE", 8),
        ("build.args.A", 14),
        ("services[0].internal_port", 16),
        ("services[0].ports[1].port", 20),
        ("services[1].ports[0].port", 22),
        ("mounts[0].source", 24),
        ("mounts[1].source", 26),
        ("mounts[2].source", 28),
        ("mounts[1].destination", 25),
        ("nowhere", None),
    ],
)
def test_the_row_of_a_key_is_found(path: str, row: int | None) -> None:
    assert Source("fly.toml", TEXT, patch(parse(TEXT)).origins).row_of(path) == row


def test_a_dotted_key_has_its_row() -> None:
    assert scan('deploy.strategy = "x"\n') == {"deploy": 1, "deploy.strategy": 1}


@pytest.mark.parametrize(
    ("text", "name", "sentence"),
    [
        ("app = ", "fly.toml", "fly.toml, row 1, column 7: this is not TOML: Invalid value"),
        ('app = "a"\nx = """\n', "fly.toml", "row 2, column"),
        ("a = 1\na = 2\n", "fly.toml", "row 2, column 6: this is not TOML: Cannot overwrite a value"),
        ("", "fly.json", "fly.json, row 1, column 1: this is not JSON"),
        ('{\n "app": }', "fly.json", "fly.json, row 2, column 9: this is not JSON"),
        ("[]", "fly.json", "must be an object"),
        ("app: [demo", "fly.yaml", "fly.yaml, row 1, column"),
        ("app: demo\n\tx: 1", "fly.yaml", "fly.yaml, row 2, column"),
        ("app: a\napp: b", "fly.yaml", "row 2, column 1: this is not YAML: the key 'app' stands there twice"),
        ("a: 1\n---\nb: 1", "fly.yaml", "single document"),
        ("- a", "fly.yaml", "must be an object"),
        ("a: &a [*a]", "fly.yaml", "nested too deeply"),
        ("a: " + "[" * 5000, "fly.yaml", "row 1, column 67: this is not YAML: it is nested too deeply"),
        ("? {a: b}\n: c", "fly.yaml", "a key must be text"),
        ("a = " + "9" * 5000, "fly.toml", "cannot be read"),
        ("a = " + "[" * 5000, "fly.toml", "cannot be read"),
    ],
)
def test_a_text_that_cannot_be_parsed_is_refused_by_row_and_column(text: str, name: str, sentence: str) -> None:
    with pytest.raises(Invalid) as caught:
        load(text, name)
    assert sentence in caught.value.message
    assert "\n" not in caught.value.message


def test_a_json_configuration_is_the_same_configuration() -> None:
    text = '{"app": "demo", "mounts": {"source": "data", "destination": "/data"}}'
    assert load(text, "fly.json") == load('app = "demo"\n[mounts]\nsource = "data"\ndestination = "/data"\n')


def test_a_wrong_type_in_json_names_the_key() -> None:
    with pytest.raises(Invalid, match=r"^fly.json, row 1: mounts\[0\].source must be text, not the number 5"):
        check_types(load('{"mounts": [{"source": 5}]}', "fly.json"))


def test_windows_line_ends_and_a_byte_order_mark_do_no_harm() -> None:
    with pytest.raises(Invalid, match="row 3"):
        check_types(load('\ufeffapp = "demo"\r\n[deploy]\r\nstrategy = 5\r\n'))
    assert load('\ufeffapp = "demo"\r\n').app == "demo"


def test_a_launched_configuration_is_written_as_flyctl_lays_it_out() -> None:
    config = FlyToml(
        app="guestbook",
        primary_region="lhr",
        env={"GREETING": "it's me", "DOTTED.NAME": "two\nrows"},
        mounts=(Mount(source="data", destination="/data"),),
        http_service=HttpService(
            internal_port=8080, force_https=True, auto_stop_machines="stop", min_machines_running=0
        ),
        vm=(Vm(memory="1gb", cpu_kind="shared", cpus=1),),
    )
    assert write(config, at=NOW) == (
        "# fly.toml: configuration of the app guestbook, written 2026-08-20T10:11:12Z\n"
        "#\n"
        "# Every section that may stand here: https://fly.io/docs/reference/configuration/\n"
        "\n"
        "app = 'guestbook'\n"
        "primary_region = 'lhr'\n"
        "\n"
        "[env]\n"
        '  GREETING = "it\'s me"\n'
        '  "DOTTED.NAME" = "two\\nrows"\n'
        "\n"
        "[[mounts]]\n"
        "  source = 'data'\n"
        "  destination = '/data'\n"
        "\n"
        "[http_service]\n"
        "  internal_port = 8080\n"
        "  force_https = true\n"
        "  auto_stop_machines = 'stop'\n"
        "  min_machines_running = 0\n"
        "\n"
        "[[vm]]\n"
        "  memory = '1gb'\n"
        "  cpu_kind = 'shared'\n"
        "  cpus = 1\n"
    )


@given(st.dictionaries(st.text(min_size=1), st.text(), max_size=4), st.text())
def test_every_text_survives_being_written(env: dict[str, str], command: str) -> None:
    config = FlyToml(app="demo", env=env, console_command=command)
    assert load(write(config, at=NOW)) == config


_SECTIONS = st.sampled_from(
    ["app", "mounts", "mount", "vm", "compute", "env", "processes", "services", "http_service", "checks", "deploy",
     "build", "experimental", "metrics", "restart", "files", "statics", "kill_timeout"]
)  # fmt: skip


@given(st.dictionaries(_SECTIONS, anything, max_size=4))
def test_no_document_whatever_is_a_bug(document: dict[str, Any]) -> None:
    try:
        config = load(json.dumps(document), "fly.json")
    except Invalid:
        return
    validate(config)
    once = patch(document).document
    assert patch(once).document == once


@given(st.text(max_size=60))
def test_no_text_whatever_is_a_bug(text: str) -> None:
    scan(text)
    for name in ("fly.toml", "fly.json", "fly.yaml"):
        try:
            parse(text, name)
        except Invalid as problem:
            assert name in problem.message


@pytest.mark.parametrize("row", ["a" * 100_000 + "!", "[" + " " * 100_000 + "x]", "a" + " " * 99_999, '"' * 9_999])
def test_rows_however_long_do_not_hold_up_the_scan(row: str) -> None:
    assert scan("app = 1\n" + row)["app"] == 1
