"""Writing into a root that is not to be trusted: whatever links an image holds, nothing outside changes."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from caddis.domain.errors import Invalid
from caddis.machines.files import write_guest_file
from caddis.machines.lookup import look_up_account


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "outside").mkdir()
    (tmp_path / "root" / "etc").mkdir(parents=True)
    return tmp_path / "root"


def outside(root: Path) -> list[str]:
    return sorted(os.listdir(root.parent / "outside"))


def test_a_file_is_written_with_its_mode_and_folders_on_the_way(root: Path) -> None:
    write_guest_file(str(root), "/srv/deep/app.conf", b"\0x", 0o640)
    written = root / "srv/deep/app.conf"
    assert written.read_bytes() == b"\0x"
    assert written.stat().st_mode & 0o7777 == 0o640


def test_writing_twice_replaces_and_leaves_no_other_file(root: Path) -> None:
    for content in (b"one", b"two"):
        write_guest_file(str(root), "/etc/motd", content, 0o644)
    assert (root / "etc/motd").read_bytes() == b"two"
    assert os.listdir(root / "etc") == ["motd"]


def test_a_link_in_place_of_the_file_is_replaced_not_followed(root: Path) -> None:
    victim = root.parent / "outside" / "victim"
    victim.write_text("precious")
    (root / "etc/hosts").symlink_to(victim)
    write_guest_file(str(root), "/etc/hosts", b"mine", 0o644)
    assert victim.read_text() == "precious"
    assert (root / "etc/hosts").read_bytes() == b"mine"
    assert not (root / "etc/hosts").is_symlink()


@pytest.mark.parametrize("target", ["{outside}", "../../../../../../../..{outside}", "/"])
def test_a_link_in_place_of_a_folder_stays_inside(root: Path, target: str) -> None:
    os.rmdir(root / "etc")
    (root / "etc").symlink_to(target.format(outside=root.parent / "outside"))
    inside = str(root) + str(root.parent / "outside")
    os.makedirs(inside)
    write_guest_file(str(root), "/etc/hosts", b"mine", 0o644)
    assert outside(root) == []
    assert os.path.isfile(f"{inside}/hosts") or os.path.isfile(root / "hosts")


def test_dots_do_not_lead_out(root: Path) -> None:
    write_guest_file(str(root), "/../../../outside/x", b"mine", 0o644)
    assert outside(root) == []
    assert (root / "outside/x").read_bytes() == b"mine"


def test_a_link_to_nowhere_is_explained(root: Path) -> None:
    (root / "var").symlink_to("/nowhere")
    with pytest.raises(Invalid, match="/var is not a folder in the image"):
        write_guest_file(str(root), "/var/x", b"", 0o644)


def test_a_file_on_the_way_and_a_folder_in_place_are_explained(root: Path) -> None:
    (root / "etc/file").write_text("")
    with pytest.raises(Invalid, match="/etc/file is not a folder"):
        write_guest_file(str(root), "/etc/file/x", b"", 0o644)
    (root / "etc/folder").mkdir()
    with pytest.raises(Invalid, match="a folder of that name"):
        write_guest_file(str(root), "/etc/folder", b"", 0o644)
    assert sorted(os.listdir(root / "etc")) == ["file", "folder"]


@pytest.mark.parametrize("path", ["", "relative", "/", "/etc/", "/etc/..", "/a\0b"])
def test_what_is_no_absolute_path_of_a_file_is_refused(root: Path, path: str) -> None:
    with pytest.raises(Invalid, match="not the absolute path of a file"):
        write_guest_file(str(root), path, b"", 0o644)


def test_a_passwd_that_points_outside_or_never_ends_is_not_read(root: Path) -> None:
    (root.parent / "outside/passwd").write_text("app:x:1:1::/:/bin/sh\n")
    (root / "etc/passwd").symlink_to(root.parent / "outside/passwd")
    os.mkfifo(root / "etc/group")
    with pytest.raises(Invalid, match="no user 'app'"):
        look_up_account(str(root), "app")
