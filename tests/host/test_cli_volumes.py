"""`fly volumes` against a fake API: texts, JSON, warnings, refusals."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest

from fakes.screen import see

if TYPE_CHECKING:
    from fakes.fly_command import Fly

pytest_plugins = ("fakes.fly_command",)
pytestmark = pytest.mark.host


@pytest.fixture(autouse=True)
def _app(fly: Fly) -> None:
    fly.api.add_app("myapp")


def test_the_page_s_command_warns_that_one_volume_is_not_enough_and_needs_a_yes(fly: Fly) -> None:
    said = fly("volumes", "create", "myapp_data", "--region", "lhr", "--size", "1", "--app", "myapp")
    assert said.code == 1
    assert "Create two or more volumes per application to avoid downtime" in said.err
    assert "Error: yes flag must be specified when not running interactively" in said.err
    assert fly.api.volumes == {}


def test_create_prints_a_block_for_each_volume(fly: Fly) -> None:
    said = fly("volumes", "create", "myapp_data", "-r", "lhr", "-s", "1", "-a", "myapp", "-y")
    assert (said.code, said.err) == (0, "")
    assert said.out == (
        "                  ID: vol_0000000000000001\n"
        "                Name: myapp_data\n"
        "                 App: myapp\n"
        "              Region: lhr\n"
        "                Zone: a001\n"
        "             Size GB: 1\n"
        "           Encrypted: true\n"
        "          Created at: 02 Jan 26 03:04 UTC\n"
        "  Snapshot retention: 5\n"
        " Scheduled snapshots: true\n"
        "\n"
    )


def test_a_second_volume_of_the_same_name_needs_no_yes(fly: Fly) -> None:
    fly.api.add_volume("myapp", "data")
    assert fly("volumes", "create", "data", "-r", "lhr", "-a", "myapp").code == 0
    assert fly("volumes", "create", "other", "-r", "lhr", "-a", "myapp").code == 1
    assert fly("volumes", "create", "other", "-r", "lhr", "-a", "myapp", "-n", "2").code == 0
    assert [volume["name"] for volume in fly.api.volumes.values()] == ["data", "data", "other", "other"]


def test_what_the_api_is_asked_for_is_what_flyctl_asks(fly: Fly) -> None:
    fly("v", "create", "data", "-r=lhr", "--require-unique-zone=false", "--auto-confirm", "-a=myapp", "--size=3")
    assert fly.api.requests[-1] == (
        "POST",
        "/v1/apps/myapp/volumes",
        {
            "name": "data",
            "size_gb": 3,
            "snapshot_id": None,
            "encrypted": True,
            "require_unique_zone": False,
            "unique_zone_app_wide": False,
            "snapshot_retention": 5,
            "auto_backup_enabled": None,
            "fstype": None,
            "compute": {"cpu_kind": "shared", "cpus": 1, "memory_mb": 256},
            "region": "lhr",
        },
    )


def test_two_volumes_as_json_are_two_objects_one_after_the_other(fly: Fly) -> None:
    out = fly("volumes", "create", "data", "-r", "lhr", "-a", "myapp", "-n", "2", "--json").out
    first, end = json.JSONDecoder().raw_decode(out)
    second = json.loads(out[end:])
    assert list(first) == [
        "id",
        "name",
        "state",
        "size_gb",
        "region",
        "zone",
        "encrypted",
        "attached_machine_id",
        "attached_alloc_id",
        "created_at",
        "host_dedication_id",
        "snapshot_retention",
        "auto_backup_enabled",
        "host_status",
    ]
    assert out.startswith('{\n    "id": "vol_0000000000000001"')
    assert second["id"] == "vol_0000000000000002"


def test_list_shows_the_page_s_columns_and_hides_what_is_being_destroyed(fly: Fly) -> None:
    fly.api.add_volume("myapp", "data", attached_machine_id="9080e694c64787")
    fly.api.add_volume("myapp", "gone", state="pending_destroy")
    out = fly("volumes", "list", "-a", "myapp").out
    header, row, blank = out.split("\n")[:3]
    assert header.split(" │ ") == [
        " ID                  ",
        "STATE  ",
        "NAME",
        "SIZE",
        "REGION",
        "ZONE",
        "ENCRYPTED",
        "ATTACHED VM   ",
        header.split(" │ ")[-1],
    ]
    assert re.fullmatch(
        r" vol_0000000000000001 │ created │ data │ 1GB  │ lhr    │ a001 │ true      │ 9080e694c64787 │ \d+ \w+ ago +",
        row,
    )
    assert blank == ""
    assert "gone" not in out
    assert "gone" in fly("vol", "ls", "-a", "myapp", "--all").out


def test_an_empty_list_is_its_header_and_as_json_an_empty_array(fly: Fly) -> None:
    said = fly("volumes", "list", "-a", "myapp")
    assert said.out == (" ID │ STATE │ NAME │ SIZE │ REGION │ ZONE │ ENCRYPTED │ ATTACHED VM │ CREATED AT \n\n")
    assert fly("volumes", "list", "-a", "myapp", "-j").out == "[]\n"


def test_an_unreachable_host_s_volume_is_marked(fly: Fly) -> None:
    fly.api.add_volume("myapp", host_status="unreachable")
    out = fly("volumes", "list", "-a", "myapp").out
    assert "vol_0000000000000001* " in out
    assert out.endswith("* These volumes' hosts could not be reached.\n")


def test_destroy_asks_says_what_it_did_and_how_to_undo_it(fly: Fly) -> None:
    volume = fly.api.add_volume("myapp")
    refused = fly("volume", "delete", volume, "-a", "myapp")
    assert refused.code == 1
    assert "Deleting this volume will leave you with 0 volume(s)" in refused.err
    said = fly("volume", "delete", volume, "-a", "myapp", "-y")
    assert (said.code, said.out) == (0, f"Destroyed volume ID: {volume} name: data\n")
    assert f"fly volumes restore {volume} -a myapp" in said.err
    assert fly("volumes", "restore", volume, "-a", "myapp").code == 0
    assert fly.api.volumes[volume]["state"] == "created"


def test_an_attached_volume_is_not_destroyed(fly: Fly) -> None:
    volume = fly.api.add_volume("myapp", attached_machine_id="m")
    said = fly("volumes", "rm", volume, "-y", "-a", "myapp")
    assert (said.code, said.out) == (1, "")
    assert said.err == f"Error: volume {volume} is attached and cannot be destroyed\n"


def test_update_sends_only_what_was_given(fly: Fly) -> None:
    volume = fly.api.add_volume("myapp")
    assert fly("volumes", "update", volume, "-a", "myapp", "--scheduled-snapshots=false").code == 0
    assert fly.api.requests[-1][2] == {"snapshot_retention": None, "auto_backup_enabled": False}
    assert fly("volumes", "update", volume, "-a", "myapp", "--snapshot-retention", "61").code == 1


def test_show_without_an_id_says_what_is_missing(fly: Fly) -> None:
    assert fly("volumes", "show", "-a", "myapp").err == (
        "Error: volume ID must be specified when not running interactively\n\nfly volumes list -a myapp shows them.\n"
    )


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("-r", "xyz"), "region xyz not found"),
        (("-r", "lhr", "-s", "0"), "volume size 0 GB is out of range: a volume has 1 to 500 GB"),
        (("-r", "lhr", "-s", "-1"), "volume size -1 GB is out of range: a volume has 1 to 500 GB"),
        (("-r", "lhr", "-s", "501"), "volume size 501 GB is out of range: a volume has 1 to 500 GB"),
        (
            ("-r", "lhr", "-s", "abc"),
            'invalid argument "abc" for "-s, --size" flag: strconv.ParseInt: parsing "abc": invalid syntax',
        ),
        ((), "region code must be specified when not running interactively"),
        (("-r", "lhr", "--fs-type", "btrfs"), "filesystem type 'btrfs' is not one of ext4, raw"),
        (("-r", "lhr", "--vm-gpu-kind", "a10"), "machines with GPUs are not supported"),
        (("-r", "lhr", "--vm-size", "shared-cpu-3x"), "--vm-size is 'shared-cpu-3x', which is not a size"),
        (("-r", "lhr", "--snapshot-id", ""), "--snapshot-id is empty"),
        (("-r", "lhr", "--bogus"), "unknown flag: --bogus"),
        (("-r", "lhr", "-x"), "unknown shorthand flag: 'x' in -x"),
        (("-r", "lhr", "extra"), "accepts 1 arg(s), received 2"),
    ],
)
def test_bad_input_is_one_sentence_and_changes_nothing(fly: Fly, words: tuple[str, ...], complaint: str) -> None:
    said = fly("volumes", "create", "data", "-a", "myapp", "-y", *words)
    assert said.code == 1
    assert said.err.startswith(f"Error: {complaint}")
    assert fly.api.volumes == {}


def test_a_bad_volume_name_is_refused_with_the_rule(fly: Fly) -> None:
    said = fly("volumes", "create", "My-Data", "-a", "myapp", "-y", "-r", "lhr")
    assert "use 1 to 30 lowercase letters, numbers and underscores" in said.err


def test_a_misuse_prints_the_usage_first(fly: Fly) -> None:
    said = fly("volumes", "create", "-a", "myapp")
    assert said.out.startswith("Usage:\n  fly volumes create <volume name> [flags]\n")
    assert said.err == "Error: accepts 1 arg(s), received 0\n"


@pytest.mark.parametrize(
    "words",
    [("show",), ("extend", "--size", "2"), ("update", "--snapshot-retention", "7"), ("destroy", "-y"), ("restore",)],
    ids=lambda words: words[0],
)
def test_a_volume_s_id_is_enough_to_know_its_app(fly: Fly, words: tuple[str, ...]) -> None:
    fly.api.add_app("other")
    fly.api.add_volume("other")
    volume = fly.api.add_volume("myapp")
    said = fly("volumes", words[0], volume, *words[1:])
    assert said.code == 0, said.err
    assert {path for _, path, _ in fly.api.requests if path.startswith("/v1/apps/")} == {
        f"/v1/apps/myapp/volumes/{volume}{'/' + words[0] if words[0] in ('extend', 'restore') else ''}"
    }


def test_of_several_volumes_the_first_tells_the_app(fly: Fly) -> None:
    volumes = [fly.api.add_volume("myapp") for _ in range(2)]
    assert fly("volumes", "destroy", *volumes, "-y").code == 0
    assert [path for _, path, _ in fly.api.requests] == [
        f"/api/v1/volumes/{volumes[0]}",
        *(f"/v1/apps/myapp/volumes/{volume}" for volume in volumes),
    ]


@pytest.mark.parametrize("words", [("show",), ("destroy",), ("extend", "-s", "2")], ids=lambda words: words[0])
def test_without_a_volume_and_without_an_app_both_are_asked_for(fly: Fly, words: tuple[str, ...]) -> None:
    said = fly("volumes", *words)
    assert (said.code, said.err.splitlines()[0]) == (1, "Error: volume ID or app required")
    assert fly.api.requests == []


@pytest.mark.parametrize("id", ["", ".", "../../x", "vol 1", "\u00fcn\u00ef"])
@pytest.mark.parametrize("verb", ["show", "restore", "destroy"])
def test_what_cannot_be_an_id_is_said_to_be_none(fly: Fly, verb: str, id: str) -> None:
    said = fly("volumes", verb, id, "-a", "myapp")
    assert (said.code, said.err.splitlines()[0]) == (1, f"Error: volume not found: {id!r} is not a volume ID")
    assert fly.api.requests == []


def test_a_menu_and_a_long_question_leave_one_clean_answer_on_a_narrow_terminal(
    fly: Fly, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "50")
    monkeypatch.setenv("NO_COLOR", "1")
    for _ in range(2):
        fly.api.add_volume("myapp")
    talk = fly.talk("volumes", "destroy", "-a", "myapp", term="xterm")
    talk.expect("  vol_0000000000000002")
    talk.answer("\x1b[B")
    talk.expect("> vol_0000000000000002")
    talk.answer("\r")
    talk.expect("(y/N) ")
    talk.answer("n\n")
    assert talk.end() == 0
    screen = see(talk.seen, 50)
    assert sum("ATTACHED VM" in row for row in screen) == 1
    assert sum("vol_0000000000000002" in row for row in screen) == 1
    assert not any("vol_0000000000000001" in row for row in screen)
    assert screen[-1] == "? Are you sure you want to destroy this volume? No"
    assert not any("y/N" in row for row in screen)
