"""The small pure parts of the command line: tables, times, launch's readings, deploy's shares."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from caddis.cli.deploy import schedule
from caddis.cli.deploy.options import parse_timeout, read_pairs
from caddis.cli.launch.mounts import mount_for_path, read_volume_flag
from caddis.cli.launch.naming import sanitised
from caddis.cli.launch.scanners.dockerfile import one_path
from caddis.cli.prompts import follow_keys
from caddis.cli.tables import block, table, vertical
from caddis.cli.times import ago, rfc822
from caddis.cli.volumes.extend import parse_size
from caddis.client.settings import load_settings
from caddis.domain.errors import Invalid, Unauthenticated

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def test_a_table_has_no_border_and_pads_to_the_widest_cell() -> None:
    assert table(("Id", "Long name"), [("vol_1", "x")]) == " ID    │ LONG NAME \n vol_1 │ x         \n\n"
    assert table(("Id",), []) == " ID \n\n"
    assert vertical([("Name", "x"), ("Longer", "y")], title="App") == "App\n Name   │ x \n Longer │ y \n\n"


def test_a_block_has_its_labels_to_the_right_of_twenty() -> None:
    assert block([("ID", "x"), ("Scheduled snapshots", "true")]) == (
        "                  ID: x\n Scheduled snapshots: true\n\n"
    )


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "now"),
        (1, "1 second ago"),
        (39, "39 seconds ago"),
        (60, "1 minute ago"),
        (119, "1 minute ago"),
        (3 * 3600, "3 hours ago"),
        (86400, "1 day ago"),
        (7 * 86400, "1 week ago"),
        (30 * 86400, "1 month ago"),
        (400 * 86400, "1 year ago"),
        (-120, "2 minutes from now"),
    ],
)
def test_times_are_said_as_people_say_them(seconds: int, words: str) -> None:
    assert ago(NOW - timedelta(seconds=seconds), NOW) == words


def test_a_creation_time_is_rfc_822() -> None:
    assert rfc822(NOW) == "02 Jan 26 03:04 UTC"


@pytest.mark.parametrize(
    ("written", "path"),
    [("/data", "/data"), ('["/data"]', "/data"), ("/a /b", ""), ('["/a", "/b"]', ""), ("data", ""), ("[broken", "")],
)
def test_one_volume_line_means_one_path(written: str, path: str) -> None:
    assert one_path(written) == path


def test_a_volume_s_path_names_the_volume() -> None:
    assert mount_for_path("/var/lib/My-SQL/").source == "my_sql"
    assert mount_for_path("/---").source == "data"


def test_a_volume_flag_with_options_is_a_whole_mount() -> None:
    mount = read_volume_flag("data:/data:scheduled_snapshots=false,auto_extend_size_threshold=80")
    assert (mount.source, mount.scheduled_snapshots, mount.auto_extend_size_threshold) == ("data", False, 80)
    for wrong in ("data:/data:snapshot_retention=x", "data:/data:nonsense", "data:/data:a=b", "Data:/data"):
        with pytest.raises(Invalid):
            read_volume_flag(wrong)


def test_a_folder_s_name_becomes_an_app_s() -> None:
    assert [sanitised(name) for name in ("My_App", "a--b", "-x-", "___", "ü", "x" * 70)] == [
        "my-app",
        "a-b",
        "x",
        "",
        "",
        "x" * 63,
    ]


@pytest.mark.parametrize(
    ("share", "count", "at_once"), [(0.33, 2, 1), (0.33, 4, 2), (1, 5, 1), (3, 5, 3), (9, 5, 5), (0.01, 3, 1)]
)
def test_so_many_machines_are_away_at_once(share: float, count: int, at_once: int) -> None:
    assert schedule.at_once(count, share) == at_once


def test_timeouts_are_seconds_durations_or_none() -> None:
    assert [parse_timeout(text, "--x") for text in ("30", "5m0s", "none")] == [30.0, 300.0, None]
    with pytest.raises(Invalid, match="--x 'soon' is not a duration"):
        parse_timeout("soon", "--x")


def test_pairs_keep_what_is_behind_the_first_equals_sign() -> None:
    assert read_pairs(["A=b=c", "B="], "--env") == {"A": "b=c", "B": ""}
    with pytest.raises(Invalid):
        read_pairs(["=x"], "--env")


def test_the_environment_wins_over_the_settings_file_and_each_word_counts_by_itself(tmp_path: Path) -> None:
    file = tmp_path / "caddis" / "config.toml"
    file.parent.mkdir()
    file.write_text('url = "http://file"\ntoken = "from-file"\n')
    environment = {"XDG_CONFIG_HOME": str(tmp_path)}
    assert load_settings(environment).url == "http://file"
    settings = load_settings({**environment, "FLY_API_BASE_URL": "http://env/"})
    assert (settings.url, settings.token) == ("http://env", "from-file")
    assert load_settings({**environment, "FLY_ACCESS_TOKEN": "env"}, token="flag").token == "flag"
    with pytest.raises(Unauthenticated):
        load_settings({"HOME": "/nonexistent"}).require_token()
    file.write_text("not toml")
    with pytest.raises(Invalid, match=r"cannot read .*config\.toml"):
        load_settings(environment)


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("5", (5, False)),
        ("+5", (5, True)),
        ("5gb", (5, False)),
        ("5 GB", (5, False)),
        ("1.5GB", (1, False)),
        ("2GiB", (2, False)),
        ("1TB", (1000, False)),
        ("+1gb", (1, True)),
        ("-5", (-5, False)),
    ],
)
def test_the_new_size_of_a_volume_is_read_as_flyctl_reads_it(given: str, meant: tuple[int, bool]) -> None:
    assert parse_size(given) == meant


@pytest.mark.parametrize("given", ["", "abc", "0", "500MB", "+", "5 apples"])
def test_a_size_that_means_nothing_is_refused(given: str) -> None:
    with pytest.raises(Invalid):
        parse_size(given)


@pytest.mark.parametrize(
    ("typed", "position", "taken"),
    [
        (b"\x1b[B", 1, False),
        (b"\x1bOB\r", 1, True),  # both at once, as when somebody types ahead
        (b"jj\r", 2, True),
        (b"k", 2, False),
        (b"2\r3", 1, True),
        (b"9x\x1b", 0, False),
    ],
)
def test_a_menu_follows_every_key_that_was_typed(typed: bytes, position: int, taken: bool) -> None:
    assert follow_keys(typed, 0, 3) == (position, taken)
