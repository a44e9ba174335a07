"""The tar format: what is written is read back, by ours and by Python's; what is not whole is told."""

from __future__ import annotations

import io
import os
import tarfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caddis.kernel.tar.format import END, BadTar, Kind, Member, Reader, encode, padding
from caddis.kernel.tar.parts import reader_of
from caddis.kernel.tar.unpack import unpack

NAMES = st.binary(min_size=1, max_size=300).filter(lambda name: b"\0" not in name and not name.endswith(b"/"))
_KEYS = st.binary(min_size=1, max_size=20).filter(lambda key: b"\0" not in key)
VALUES = st.dictionaries(_KEYS, st.binary(max_size=50))


@given(
    name=NAMES,
    content=st.binary(max_size=2000),
    mode=st.integers(0, 0o7777),
    ids=st.integers(0, 2**32 - 2),
    mtime=st.integers(-(10**18), 5 * 10**18),
    attributes=VALUES,
)
def test_what_is_written_is_read_back(
    name: bytes, content: bytes, mode: int, ids: int, mtime: int, attributes: dict[bytes, bytes]
) -> None:
    wanted = Member(name=name, kind=Kind.FILE, mode=mode, uid=ids, gid=ids, mtime_ns=mtime, size=len(content))
    wanted.attributes = {b"user." + key: value for key, value in attributes.items()}
    data = encode(wanted) + content + padding(len(content)) + END
    reader = Reader(io.BytesIO(data).read)
    members = reader.members()
    found = next(members)
    assert found == wanted
    assert b"".join(piece for _offset, piece in reader.content(found)) == content
    assert list(members) == []


@given(NAMES, NAMES)
def test_links_are_read_back(name: bytes, target: bytes) -> None:
    for kind in (Kind.SYMLINK, Kind.LINK):
        wanted = Member(name=name, kind=kind, target=target)
        assert list(Reader(io.BytesIO(encode(wanted) + END).read).members()) == [wanted]


@given(st.lists(st.tuples(st.integers(1, 5000), st.integers(1, 3000)), max_size=20), st.integers(0, 10_000))
def test_the_map_of_a_sparse_file_is_read_back_by_ours_and_by_python(steps: list[tuple[int, int]], rest: int) -> None:
    parts, end, content = [], 0, b""
    for hole, length in steps:
        parts.append((end + hole, length))
        content += bytes([len(parts)]) * length
        end += hole + length
    parts.append((end + rest, 0))
    wanted = Member(name=b"sparse", kind=Kind.FILE, size=end + rest, parts=parts)
    data = encode(wanted) + content + padding(len(content)) + END
    reader = Reader(io.BytesIO(data).read)
    found = next(reader.members())
    assert found == wanted
    flat = bytearray(wanted.size)
    for offset, piece in reader.content(found):
        flat[offset : offset + len(piece)] = piece
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        assert tar.extractfile("sparse").read() == flat  # type: ignore[union-attr]


def sample() -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for number in range(5):
            member = tarfile.TarInfo(f"folder{number}/" + "long" * 40)
            member.size = number * 700
            tar.addfile(member, io.BytesIO(bytes(member.size)))
    return made.getvalue().rstrip(b"\0") + bytes(512 - len(made.getvalue().rstrip(b"\0")) % 512) + END


@given(st.integers(0, 100_000))
def test_an_archive_that_is_cut_anywhere_is_not_whole(at: int) -> None:
    whole = sample()
    with pytest.raises(BadTar):
        for _member in Reader(io.BytesIO(whole[: at % (len(whole) - 512)]).read).members():
            pass


@given(st.binary(max_size=3000))
def test_noise_is_no_tar(noise: bytes) -> None:
    if not any(noise[:512]):
        noise = b"x" + noise
    with pytest.raises(BadTar):
        list(Reader(io.BytesIO(noise).read).members())


@given(st.integers(0, 100_000), st.integers(1, 255))
def test_an_altered_byte_never_makes_it_crash(at: int, change: int) -> None:
    data = bytearray(sample())
    data[at % len(data)] ^= change
    try:
        list(Reader(io.BytesIO(bytes(data)).read).members())
    except BadTar:
        pass


def test_a_header_of_any_size_is_not_read_into_memory() -> None:
    member = tarfile.TarInfo("pax")
    member.type, member.size = b"x", 1 << 40
    with pytest.raises(BadTar, match="header of"):
        list(Reader(io.BytesIO(member.tobuf(tarfile.GNU_FORMAT)).read).members())


@pytest.mark.parametrize("format", [tarfile.PAX_FORMAT, tarfile.GNU_FORMAT, tarfile.USTAR_FORMAT])
def test_archives_of_others_are_unpacked(tmp_path: Path, format: int) -> None:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w", format=format) as tar:
        member = tarfile.TarInfo("deep/" + "er/" * 40 + "file")
        member.size, member.mtime, member.mode = 5, 1_700_000_000, 0o640
        tar.addfile(member, io.BytesIO(b"hello"))
    outcome = unpack(str(tmp_path), io.BytesIO(made.getvalue()).read, owners=False)
    file = tmp_path / member.name
    assert (outcome.problem, outcome.files, file.read_bytes()) == ("", 1, b"hello")
    assert (file.stat().st_mode & 0o7777, file.stat().st_mtime) == (0o640, 1_700_000_000)


def hostile(*members: tarfile.TarInfo) -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as tar:
        for member in members:
            tar.addfile(member, io.BytesIO(bytes(member.size)))
    return made.getvalue()


def member(name: str, type: bytes = tarfile.REGTYPE, target: str = "", size: int = 0) -> tarfile.TarInfo:
    made = tarfile.TarInfo(name)
    made.type, made.linkname, made.size = type, target, size
    return made


@pytest.mark.parametrize(
    ("members", "words"),
    [
        ([member("../out")], "points out of the folder"),
        ([member("a/../../out")], "points out of the folder"),
        ([member("link", tarfile.SYMTYPE, ".."), member("link/out")], "goes through 'link'"),
        ([member("link", tarfile.SYMTYPE, "/"), member("link/etc/out")], "goes through 'link'"),
        ([member("file"), member("file/out")], "goes through 'file'"),
        ([member("hard", tarfile.LNKTYPE, "../secret")], "points out of the folder"),
        ([member("hard", tarfile.LNKTYPE, "nowhere")], "cannot be kept"),
        ([member("."), member("folder/x"), member("folder")], "cannot be kept"),
        ([member("./.")], "take the place of the whole folder"),
        ([member("x" * 300)], "cannot be kept"),
    ],
)
def test_what_leads_out_of_the_folder_is_refused(tmp_path: Path, members: list[tarfile.TarInfo], words: str) -> None:
    (tmp_path / "secret").write_text("secret")
    inside = tmp_path / "inside"
    inside.mkdir()
    members = [one for one in members if one.name != "."]
    outcome = unpack(str(inside), io.BytesIO(hostile(*members)).read, owners=False)
    assert words in outcome.problem
    assert sorted(os.listdir(tmp_path)) == ["inside", "secret"]


def test_absolute_names_and_links_out_stay_inside(tmp_path: Path) -> None:
    inside = tmp_path / "inside"
    inside.mkdir()
    content = hostile(
        member("/etc/passwd", size=5),
        member("link", tarfile.SYMTYPE, "../secret"),
        member("link", size=9),
        member("null", tarfile.CHRTYPE),
    )
    outcome = unpack(str(inside), io.BytesIO(content).read, owners=False)
    assert outcome.problem == ""
    assert ((inside / "etc/passwd").stat().st_size, (inside / "link").stat().st_size) == (5, 9)
    assert not (inside / "link").is_symlink()
    assert outcome.named == ["'null' (character device)"]


@given(st.lists(st.binary(min_size=1, max_size=9)), st.lists(st.integers(0, 20)))
def test_parts_are_read_in_any_amounts(parts: list[bytes], counts: list[int]) -> None:
    read, whole, at = reader_of(parts), b"".join(parts), 0
    for count in counts:
        assert read(count) == whole[at : at + count]
        at += count
