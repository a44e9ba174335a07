"""From a reference to an unpacked image, with the real skopeo and umoci."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from caddis.domain.errors import Invalid, NotFound, Problem, Unreachable
from caddis.images.store import ImageStore
from image_rooms import make_layered_image, programs_started, seen
from tiny_image import make_layer, make_tiny_image

pytestmark = pytest.mark.host

NOTHING: dict[str, list[str]] = {"names": [], "rootfs": [], "work": []}


@pytest.fixture
def store(tmp_path: Path) -> ImageStore:
    return ImageStore(tmp_path / "images")


def _run(*argv: str) -> None:
    subprocess.run(argv, check=True, capture_output=True)


def test_an_archive_becomes_a_root_file_system_and_a_config(tmp_path: Path, store: ImageStore) -> None:
    reference = make_tiny_image(
        tmp_path, config={"User": "app", "Env": ["A=b"], "Labels": {"x": "y"}}, files={"/hello": b"hi"}
    )
    config = store.ensure(reference)
    root = Path(store.rootfs(config.digest))
    assert (config.cmd, config.user, config.env, config.labels) == (
        ("sleep", "infinity"),
        "app",
        {"A": "b"},
        {"x": "y"},
    )
    assert (root / "hello").read_bytes() == b"hi"
    assert os.readlink(root / "bin/sh") == "busybox"
    assert store.get_config(config.digest) == config
    assert seen(tmp_path / "images")["work"] == []


def test_an_unchanged_archive_costs_no_program_the_second_time(tmp_path: Path, store: ImageStore) -> None:
    reference = make_tiny_image(tmp_path)
    with programs_started() as first:
        config = store.ensure(reference)
    with programs_started() as second:
        assert store.ensure(reference) == config
        assert ImageStore(tmp_path / "images", agent="another").ensure(reference) == config
    assert len(first) == 2
    assert second == []


def test_an_archive_that_changed_is_another_image(tmp_path: Path, store: ImageStore) -> None:
    before = store.ensure(make_tiny_image(tmp_path, files={"/release": b"1"}))
    after = store.ensure(make_tiny_image(tmp_path, files={"/release": b"2"}))
    assert before.digest != after.digest
    assert Path(store.rootfs(before.digest), "release").read_bytes() == b"1"
    assert Path(store.rootfs(after.digest), "release").read_bytes() == b"2"


def test_the_same_image_in_two_archives_is_unpacked_once(tmp_path: Path, store: ImageStore) -> None:
    one, two = (store.ensure(make_tiny_image(tmp_path, name=name)) for name in ("one", "two"))
    assert one == two
    assert len(seen(tmp_path / "images")["rootfs"]) == 1


def test_a_digest_that_is_here_asks_nobody(tmp_path: Path, store: ImageStore) -> None:
    config = store.ensure(make_tiny_image(tmp_path))
    with programs_started() as started:
        assert store.ensure(f"debian:12@{config.digest}") == config
    assert started == []


@pytest.mark.parametrize("transport", ["oci", "oci-archive"])
def test_the_oci_layout_is_read_as_folder_and_as_archive(tmp_path: Path, store: ImageStore, transport: str) -> None:
    reference = f"{transport}:{tmp_path}/layout:v1"
    _run("skopeo", "copy", "--quiet", make_tiny_image(tmp_path), reference)
    config = store.ensure(reference)
    assert Path(store.rootfs(config.digest), "bin/busybox").exists()
    with programs_started() as started:
        store.ensure(reference)
    assert started == []


def _corrupt(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(content)


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (lambda path: path.unlink(), "does not exist: there is no file"),
        (lambda path: path.write_bytes(b""), "is not a container image"),
        (lambda path: path.write_bytes(b"hello\n"), "is damaged or cut short"),
        (lambda path: path.write_bytes(path.read_bytes()[:1_000_000]), "is damaged or cut short"),
        (_corrupt, "is damaged or cut short"),
        (lambda path: path.write_bytes(make_layer({"x": b"y"}, busybox=False)), "is not a container image"),
    ],
    ids=["missing", "empty", "a text", "truncated", "a flipped bit", "another tarball"],
)
def test_a_bad_archive_is_refused_in_one_sentence_and_leaves_nothing(
    tmp_path: Path, store: ImageStore, harm: object, said: str
) -> None:
    reference = make_tiny_image(tmp_path)
    assert callable(harm)
    harm(tmp_path / "tiny.tar")
    with pytest.raises((NotFound, Invalid), match=said) as refusal:
        store.ensure(reference)
    assert reference in refusal.value.message
    assert seen(tmp_path / "images") == NOTHING


def test_a_folder_is_no_archive_and_an_absent_tag_no_image(tmp_path: Path, store: ImageStore) -> None:
    _run("skopeo", "copy", "--quiet", make_tiny_image(tmp_path), f"oci:{tmp_path}/layout:v1")
    with pytest.raises(Invalid, match="is a folder, not an archive"):
        store.ensure(f"docker-archive:{tmp_path}")
    with pytest.raises(NotFound, match="does not exist in that folder"):
        store.ensure(f"oci:{tmp_path}/layout:v2")
    with pytest.raises(Invalid, match="is not in the OCI layout"):
        store.ensure(f"oci:{tmp_path}")
    assert seen(tmp_path / "images") == NOTHING


def test_an_image_for_another_architecture_is_refused(tmp_path: Path, store: ImageStore) -> None:
    with pytest.raises(Invalid, match="is made for linux/s390x"):
        store.ensure(make_tiny_image(tmp_path, architecture="s390x"))
    assert seen(tmp_path / "images") == NOTHING


def test_a_registry_that_is_not_there_is_said_to_be_silent(tmp_path: Path, store: ImageStore) -> None:
    with pytest.raises(Unreachable, match=r"127\.0\.0\.1:9/app could not be fetched: its registry did not answer"):
        store.ensure("127.0.0.1:9/app")
    assert seen(tmp_path / "images") == NOTHING


def test_our_own_names_are_never_asked_for_on_the_network(store: ImageStore) -> None:
    with programs_started() as started, pytest.raises(NotFound, match="nothing of that name was built or imported"):
        store.ensure("registry.caddis.internal/app:1")
    assert started == []


def test_an_unknown_digest_has_neither_config_nor_folder(store: ImageStore) -> None:
    for ask in (store.get_config, store.rootfs):
        with pytest.raises(NotFound):
            ask("sha256:" + "0" * 64)


def test_two_processes_that_want_the_same_image_at_once_both_get_it(tmp_path: Path) -> None:
    reference = make_tiny_image(tmp_path)
    program = (
        "import sys; from pathlib import Path; from caddis.images.store import ImageStore;"
        "print(ImageStore(Path(sys.argv[1]), agent=sys.argv[3]).ensure(sys.argv[2]).digest)"
    )
    children = [
        subprocess.Popen(
            [sys.executable, "-c", program, str(tmp_path / "images"), reference, f"agent-{number}"],
            stdout=subprocess.PIPE,
            text=True,
        )
        for number in range(4)
    ]
    digests = {child.communicate(timeout=60)[0].strip() for child in children}
    assert [child.returncode for child in children] == [0, 0, 0, 0]
    assert len(digests) == 1 and "sha256:" in digests.pop()
    left = seen(tmp_path / "images")
    assert (len(left["names"]), len(left["rootfs"]), left["work"]) == (1, 1, [])


def _layer(*members: tuple[str, bytes, str]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as layer:
        for name, kind, content in members:
            member = tarfile.TarInfo(name)
            member.type, member.mode, member.uid, member.gid = kind, 0o640, 1000, 1001
            if kind == tarfile.REGTYPE:
                member.size = len(content)
                member.pax_headers = {"SCHILY.xattr.user.colour": "blue"}
            else:
                member.linkname = content
                member.mode = 0o750
            layer.addfile(member, io.BytesIO(content.encode()))
    return buffer.getvalue()


FILE, FOLDER, LINK, HARD = tarfile.REGTYPE, tarfile.DIRTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE


def test_owners_attributes_and_whiteouts_come_out_right(tmp_path: Path, store: ImageStore) -> None:
    lower = _layer(
        ("d", FOLDER, ""), ("d/gone", FILE, "x"), ("d/stays", FILE, "x"), ("o", FOLDER, ""), ("o/old", FILE, "")
    )
    upper = _layer(("d/.wh.gone", FILE, ""), ("o/.wh..wh..opq", FILE, ""), ("o/new", FILE, ""))
    root = Path(store.rootfs(store.ensure(make_layered_image(tmp_path / "i.tar", lower, upper)).digest))
    assert sorted(str(path.relative_to(root)) for path in root.rglob("*")) == ["d", "d/stays", "o", "o/new"]
    status = (root / "d/stays").stat()
    assert (status.st_uid, status.st_gid, status.st_mode & 0o7777) == (1000, 1001, 0o640)
    assert os.getxattr(root / "d/stays", "user.colour") == b"blue"


@pytest.mark.parametrize(
    "members",
    [
        [("../victim", FILE, "x")],
        [("/../../../../../../../../{victim}", FILE, "x")],
        [("up", LINK, "{folder}"), ("up/victim", FILE, "x")],
        [("up", LINK, "../../../../../../../../{folder}"), ("up/victim", FILE, "x")],
        [("up", LINK, "{folder}"), ("up/.wh.victim", FILE, "")],
        [("h", HARD, "../../../../../../../../{victim}"), ("h", FILE, "x")],
    ],
)
def test_no_path_of_an_image_leads_out_of_its_root(
    tmp_path: Path, store: ImageStore, members: list[tuple[str, bytes, str]]
) -> None:
    (tmp_path / "victim").write_text("untouched")
    places = {"folder": str(tmp_path), "victim": str(tmp_path / "victim")}
    layers = [_layer((name.format(**places), kind, content.format(**places))) for name, kind, content in members]
    try:
        store.ensure(make_layered_image(tmp_path / "i.tar", *layers))
    except Problem:
        pass  # refusing such an image is as good as containing it
    assert (tmp_path / "victim").read_text() == "untouched"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["i.tar", "images", "victim"]
    assert seen(tmp_path / "images")["work"] == []


def _everything(root: Path) -> dict[str, tuple[object, ...]]:
    """Every file of a tree with all that an unpacked image must have right."""
    found = {}
    for path in [root, *sorted(root.rglob("*"))]:
        status = path.lstat()
        content = path.readlink() if path.is_symlink() else path.read_bytes() if path.is_file() else None
        attributes = {
            name: os.getxattr(path, name, follow_symlinks=False) for name in os.listxattr(path, follow_symlinks=False)
        }
        modified = 0 if path == root else int(status.st_mtime)  # no layer has a word on the root's own time
        about = (status.st_mode, status.st_uid, status.st_gid, status.st_nlink, modified)
        found[str(path.relative_to(root))] = (*about, content, attributes)
    return found


def test_a_release_upon_an_unpacked_one_is_the_same_as_unpacked_from_nothing(tmp_path: Path, store: ImageStore) -> None:
    base = make_layer({"/etc/release": b"1", "/d/gone": b"x", "/o/old": b"x"})
    one = _layer(("d/new", FILE, "1"), ("hard", HARD, "d/new"), ("l", LINK, "/etc"))
    emptied = (("d/.wh.gone", FILE, ""), ("o/.wh..wh..opq", FILE, ""), ("d", FOLDER, ""), ("o", FOLDER, ""))
    two = _layer(*emptied, ("etc/release", FILE, "2"))
    store.ensure(make_layered_image(tmp_path / "base.tar", base))
    store.ensure(make_layered_image(tmp_path / "one.tar", base, one))
    reference = make_layered_image(tmp_path / "two.tar", base, one, two)
    with programs_started() as started:
        quick = store.ensure(reference)
    assert [line.split()[0] for line in started] == ["skopeo", "cp", "umoci"]
    slow = ImageStore(tmp_path / "other")
    assert slow.ensure(reference) == quick
    tree = _everything(Path(store.rootfs(quick.digest)))
    assert tree == _everything(Path(slow.rootfs(quick.digest)))
    assert "d/gone" not in tree and "o/old" not in tree and "hard" in tree
    assert seen(tmp_path / "images")["work"] == []


def test_an_image_that_differs_in_its_config_only_is_a_copy(tmp_path: Path, store: ImageStore) -> None:
    one, two = (store.ensure(make_tiny_image(tmp_path, name=name, cmd=(name,))) for name in ("one", "two"))
    assert one.digest != two.digest
    assert _everything(Path(store.rootfs(one.digest))) == _everything(Path(store.rootfs(two.digest)))
