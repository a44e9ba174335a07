"""What ssh, proxy and console make of the words that people type, and where a machine's files are looked for."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from caddis.cli.proxy import read_ports
from caddis.cli.ssh.console import split_command
from caddis.cli.temporary import _mount
from caddis.domain.errors import Conflict, Invalid, NotFound
from caddis.kernel.openat2 import open_folder
from caddis.machines import guest_files
from caddis.machines.accounts import Account
from caddis.machines.lookup import paths_of
from caddis.machines.plan import SessionPlan
from caddis.machines.spec import CAPABILITIES, session_spec

MAIN = {
    "env": ["PATH=/bin", "HOME=/home/app", "TERM=dumb"],
    "user": {"uid": 1000, "gid": 1000, "additionalGids": []},
    "cwd": "/srv",
    "args": ["serve"],
    "terminal": False,
    "capabilities": {},
}


@pytest.mark.parametrize(
    ("text", "ports"),
    [("5432", (5432, 5432)), ("15432:5432", (15432, 5432)), ("0:80", (0, 80)), ("65535", (65535,) * 2)],
)
def test_ports_are_local_and_remote(text: str, ports: tuple[int, int]) -> None:
    assert read_ports(text) == ports


@pytest.mark.parametrize("text", ["", ":", "80:", ":80", "x", "80:x", "65536", "1:2:3", "-1", "0", "٣"])
def test_what_is_no_port_is_refused_with_what_to_type(text: str) -> None:
    with pytest.raises(Invalid) as refused:
        read_ports(text)
    assert refused.value.hint == "fly proxy 15432:5432"


def test_a_command_is_split_as_a_shell_does_and_no_shell_runs_it() -> None:
    assert split_command("sh -c 'ls /data | wc -l'", given=True) == ("sh", "-c", "ls /data | wc -l")
    assert split_command("", given=False) == ()
    for wrong in ("", "  ", "''", "a 'b"):
        with pytest.raises(Invalid):
            split_command(wrong, given=True)


@pytest.mark.parametrize("text", ["data", "data:", ":/data", "data:data"])
def test_a_mount_needs_a_volume_and_a_path(text: str) -> None:
    with pytest.raises(Invalid, match="is not VOLUME:/PATH"):
        _mount(text)


def test_a_mounts_options_are_left_out() -> None:
    assert _mount("data:/data:ro") == {"volume": "data", "path": "/data"}


def test_a_session_has_the_main_processs_environment_and_the_visitors_terminal() -> None:
    spec = session_spec(MAIN, ["sh"], SessionPlan(term="xterm-256color", terminal=(33, 101)), None)
    assert (spec["user"], spec["cwd"], spec["terminal"]) == (MAIN["user"], "/srv", True)
    assert spec["consoleSize"] == {"height": 33, "width": 101}
    assert spec["env"] == ["PATH=/bin", "HOME=/home/app", "TERM=xterm-256color"]


def test_another_user_has_a_home_and_bounds_of_its_own() -> None:
    spec = session_spec(MAIN, ["sh"], SessionPlan(), Account(uid=0, gid=0, home="/root"))
    assert "HOME=/root" in spec["env"] and "HOME=/home/app" not in spec["env"]
    assert (spec["terminal"], spec["capabilities"]["effective"]) == (False, CAPABILITIES)
    spec = session_spec(MAIN, ["sh"], SessionPlan(), Account(uid=5, gid=5))
    assert spec["capabilities"] == {"bounding": CAPABILITIES, "effective": [], "permitted": []}


@pytest.mark.parametrize(
    ("program", "paths"),
    [("/bin/sh", ("/bin/sh",)), ("./run", ("/srv/./run",)), ("ls", ("/bin/ls", "/usr/bin/ls"))],
)
def test_programs_are_looked_for_as_execvp_does(program: str, paths: tuple[str, ...]) -> None:
    assert paths_of(program, "/srv", "/bin:/usr/bin") == paths


def test_a_guests_files_are_found_below_its_root_only(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("outside")
    root = tmp_path / "root"
    (root / "etc").mkdir(parents=True)
    (root / "etc/hosts").write_text("inside")
    os.symlink("../../secret", root / "etc/out")
    os.symlink("/etc/hosts", root / "link")
    os.mkfifo(root / "pipe")
    with open_folder(str(root)) as fd:
        assert b"".join(guest_files.read_file(fd, b"/link")[1]) == b"inside"
        with pytest.raises(NotFound):
            guest_files.read_file(fd, b"/etc/out")
        with pytest.raises(Conflict, match="is a pipe"):
            guest_files.read_file(fd, b"/pipe")
        names = b"".join(guest_files.list_names(fd, b"/"))
        assert names.split(b"\0")[:-1] == [b"/", b"/link", b"/pipe", b"/etc", b"/etc/hosts", b"/etc/out"]
