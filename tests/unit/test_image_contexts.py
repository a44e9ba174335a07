"""A build context is unpacked into its folder and nowhere else."""

from __future__ import annotations

import gzip
import io
import tarfile
from collections.abc import Sequence
from pathlib import Path

import pytest

from caddis.domain.errors import Invalid, TooLarge
from caddis.images.context import extract_context

FILE, FOLDER, LINK, HARD, DEVICE = tarfile.REGTYPE, tarfile.DIRTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE


def _tar(path: Path, members: Sequence[tuple[str, bytes, str]]) -> Path:
    with tarfile.open(path, "w") as archive:
        for name, kind, content in members:
            member = tarfile.TarInfo(name)
            member.type = kind
            member.mode = 0o755
            if kind == FILE:
                member.size = len(content)
            else:
                member.linkname = content
            archive.addfile(member, io.BytesIO(content.encode()))
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "context").mkdir()
    (tmp_path / "victim").write_text("untouched")
    return tmp_path / "context"


def test_files_folders_and_links_arrive_as_they_were_sent(tmp_path: Path, folder: Path) -> None:
    members = [(".", FOLDER, ""), ("./a/b", FILE, "hello"), ("l", LINK, "/etc/passwd"), ("h", HARD, "a/b")]
    extract_context(_tar(tmp_path / "t", members), folder)
    assert (folder / "a/b").read_text() == (folder / "h").read_text() == "hello"
    assert (folder / "a/b").stat().st_mode & 0o777 == 0o755
    assert (folder / "l").readlink() == Path("/etc/passwd")


def test_a_compressed_context_is_as_good(tmp_path: Path, folder: Path) -> None:
    plain = _tar(tmp_path / "t", [("a", FILE, "x")])
    packed = tmp_path / "t.gz"
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    extract_context(packed, folder)
    assert (folder / "a").read_text() == "x"


@pytest.mark.parametrize(
    "members",
    [
        [("../victim", FILE, "x")],
        [("/victim", FILE, "x")],
        [("a/../../victim", FILE, "x")],
        [("up", LINK, ".."), ("up/victim", FILE, "x")],
        [("up", LINK, ".."), ("up", FOLDER, "")],
        [("up", LINK, ".."), ("up/new", FOLDER, "")],
        [("l", LINK, "../victim"), ("h", HARD, "l")],
        [("h", HARD, "../victim")],
        [("h", HARD, "absent")],
        [("dev", DEVICE, "")],
        [(".", LINK, "..")],
    ],
)
def test_nothing_leads_out_of_the_folder(tmp_path: Path, folder: Path, members: list[tuple[str, bytes, str]]) -> None:
    with pytest.raises(Invalid):
        extract_context(_tar(tmp_path / "t", members), folder)
    assert (tmp_path / "victim").read_text() == "untouched"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["context", "t", "victim"]


def test_a_file_in_place_of_a_link_does_not_write_through_it(tmp_path: Path, folder: Path) -> None:
    extract_context(_tar(tmp_path / "t", [("l", LINK, "../victim"), ("l", FILE, "x")]), folder)
    assert (tmp_path / "victim").read_text() == "untouched"
    assert (folder / "l").read_text() == "x"


def test_a_context_beyond_the_bounds_is_refused(tmp_path: Path, folder: Path) -> None:
    tar = _tar(tmp_path / "t", [("a", FILE, "12345"), ("b", FILE, "12345")])
    with pytest.raises(TooLarge):
        extract_context(tar, folder, most_bytes=9)
    with pytest.raises(TooLarge):
        extract_context(tar, folder, most_files=1)


@pytest.mark.parametrize("cut", [0, 100, 700])
def test_a_context_that_is_cut_short_is_refused(tmp_path: Path, folder: Path, cut: int) -> None:
    tar = _tar(tmp_path / "t", [("a", FILE, "x" * 1000)])
    tar.write_bytes(tar.read_bytes()[:cut])
    with pytest.raises(Invalid, match="not a tarball, or was cut short"):
        extract_context(tar, folder)
