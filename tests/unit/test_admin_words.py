"""What `caddis` prints and writes for people and shells."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from caddis.admin.env import export_lines
from caddis.admin.installation import Installation, write_private
from caddis.admin.main import VERBS, caddis
from caddis.admin.probes import Probe, State, apt_line, missing, table
from caddis.admin.user_config import point_user_at
from caddis.client.settings import load_settings
from caddis.domain.errors import Conflict, NotFound, Refused


def test_every_line_of_env_is_an_export_below_a_comment() -> None:
    lines = export_lines("http://127.0.0.1:4280", "cds1_abc").splitlines()
    assert all(line.startswith("# ") for line in lines[::2])
    assert all(line.startswith("export FLY_") for line in lines[1::2])


def test_env_gives_all_three_addresses_and_the_token() -> None:
    words = shlex.split(export_lines("http://127.0.0.1:4280", "cds1_abc"), comments=True)
    for name in ("FLY_API_BASE_URL", "FLY_FLAPS_BASE_URL", "FLY_UIEX_BASE_URL"):
        assert f"{name}=http://127.0.0.1:4280" in words
    assert "FLY_ACCESS_TOKEN=cds1_abc" in words


def test_a_token_cannot_break_out_of_its_quotes() -> None:
    words = shlex.split(export_lines("http://h:1", "a'; rm -rf / #"), comments=True)
    assert "FLY_ACCESS_TOKEN=a'; rm -rf / #" in words


def test_fly_finds_the_server_that_up_wrote_down(tmp_path: Path) -> None:
    environment = {"XDG_CONFIG_HOME": str(tmp_path)}
    assert point_user_at("http://127.0.0.1:5000", "cds1_x", Path("/srv/a"), environment) == ""
    settings = load_settings(environment)
    assert (settings.url, settings.token) == ("http://127.0.0.1:5000", "cds1_x")
    assert (tmp_path / "caddis/config.toml").stat().st_mode & 0o777 == 0o600


def test_taking_over_from_another_installation_is_said(tmp_path: Path) -> None:
    environment = {"XDG_CONFIG_HOME": str(tmp_path)}
    point_user_at("http://127.0.0.1:5000", "cds1_x", Path("/srv/a"), environment)
    assert "pointed at the installation in /srv/a" in point_user_at("http://h:1", "y", Path("/srv/b"), environment)
    assert point_user_at("http://h:1", "y", Path("/srv/b"), environment) == ""


def test_a_probe_table_ends_with_the_line_that_brings_what_is_missing() -> None:
    found = [
        Probe(
            name="program runc", state=State.MISSING, detail="not on the PATH", remedy="package runc", package="runc"
        ),
        Probe(name="program ip", state=State.OK, detail="/sbin/ip", package="iproute2"),
        Probe(name="device-mapper", state=State.ABSENT, detail="not in this kernel"),
    ]
    assert [probe.name for probe in missing(found)] == ["program runc"]
    assert apt_line(found) == "apt-get install -y --no-install-recommends runc"
    assert table(found).endswith(apt_line(found))
    assert "missing  program runc   not on the PATH -> package runc" in table(found)


def test_what_only_root_can_find_out_stops_us_too() -> None:
    assert Probe(name="mount", state=State.UNKNOWN, detail="only root can try").stops_us


def test_every_verb_can_be_loaded_and_explains_itself() -> None:
    for name in VERBS:
        command = caddis.get_command(None, name)  # type: ignore[arg-type]
        assert command is not None and command.help


def test_an_installation_is_private_and_keeps_its_id(tmp_path: Path) -> None:
    installation = Installation(tmp_path / "data")
    installation.ensure()
    first = installation.id
    installation.ensure()
    assert installation.id == first and len(first) == 8
    assert (tmp_path / "data").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "data/instance").stat().st_mode & 0o777 == 0o600


def test_a_folder_that_cannot_be_made_is_refused_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(Refused, match="cannot keep data in"):
        Installation(tmp_path / "file" / "data").ensure()


def test_a_folder_without_an_installation_is_named(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="there is no Caddis installation in"):
        Installation(tmp_path).require()


def test_whoever_holds_the_data_is_named_and_nobody_else_gets_it(tmp_path: Path) -> None:
    installation = Installation(tmp_path)
    installation.ensure()
    assert installation.find_holder() is None
    with installation.hold():
        assert installation.find_holder()
        with pytest.raises(Conflict, match=f"already runs on {tmp_path}, as process [0-9]+"):
            with installation.hold():
                pass
    assert installation.find_holder() is None


@pytest.mark.parametrize(
    ("address", "url"),
    [
        ("127.0.0.1:4280", "http://127.0.0.1:4280"),
        ("http://127.0.0.1:4280", "http://127.0.0.1:4280"),
        ("0.0.0.0:80", "http://127.0.0.1:80"),
        ("[::]:80", "http://[::1]:80"),
        ("", None),
    ],
)
def test_the_url_is_one_that_this_computer_can_call(tmp_path: Path, address: str, url: str | None) -> None:
    (tmp_path / "api.address").write_text(address + "\n")
    assert Installation(tmp_path).find_url() == url


def test_hosts_are_listed_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    for name in ("h10", "h2", "h1", "lost+found"):
        (tmp_path / "hosts" / name).mkdir(parents=True)
    assert Installation(tmp_path).list_hosts() == ["h1", "h2", "h10"]


def test_a_private_file_is_replaced_in_one_step(tmp_path: Path) -> None:
    write_private(tmp_path / "token", "one\n")
    write_private(tmp_path / "token", "two\n")
    assert (tmp_path / "token").read_text() == "two\n"
    assert [entry.name for entry in tmp_path.iterdir()] == ["token"]
