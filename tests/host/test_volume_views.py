"""Looking into volumes and filling them, on the real kernel: deaths, hostile archives and images, links out."""

from __future__ import annotations

import io
import os
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from caddis.domain.errors import Conflict, Damaged, Invalid, NotFound
from caddis.domain.snapshot import origin_of
from caddis.domain.volume import FileSystemKind
from contracts.moving_contract import SNAPSHOT, VIEW
from contracts.volumes_contract import create
from real_store import RealHost, temporary_host
from tree import make_tree, scan_tree

pytestmark = pytest.mark.host

OPEN = f"from caddis.domain.snapshot import origin_of\nvolume, VIEW = extra, {VIEW!r}\n"
OPEN += "root = store.open_view(VIEW, origin_of(volume), None)\n"
EXPORT = OPEN + "from caddis.domain.files import ExportFormat\n"
EXPORT += "list(store.export(VIEW, origin_of(volume), root, ExportFormat.IMAGE))\n"
FILL = "volume, path = extra\nparts = iter([open(path, 'rb').read()])\n"
FILL += "store.fill(volume, lambda: next(parts, b''), lambda _bytes: None)\n"


@pytest.fixture
def host() -> Iterator[RealHost]:
    with temporary_host() as host:
        host.open()
        yield host


def fill(host: RealHost, volume: object, content: bytes) -> list[str]:
    parts = iter([content[at : at + 65536] for at in range(0, len(content), 65536)])
    return host.store.fill(volume, lambda: next(parts, b""), lambda _bytes: None)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("seam", "script"),
    [
        ("volumes.view:after clone", OPEN),
        ("volumes.snapshot:frozen", OPEN),
        ("volumes.snapshot:after clone", OPEN),
        ("volumes.view:after mount", OPEN),
        ("volumes.export:after mount", EXPORT),
    ],
)
@pytest.mark.parametrize("encrypted", [False, True])
def test_a_view_of_an_agent_that_died_is_swept_away(host: RealHost, seam: str, script: str, encrypted: bool) -> None:
    volume = create(host.store, encrypted=encrypted)
    host.put_file(host.store.mount(volume), "guest", b"hello")
    before = host.leftovers()
    host.extra = volume
    host.die_at(seam, script)
    host.open()
    assert host.leftovers() == before
    host.put_file(host.store.mount(volume), "other", b"it is not frozen")


def image_of(tmp_path: Path, fill_with: str = "guest", size: str = "64M", *options: str) -> bytes:
    folder, image = tmp_path / "folder", tmp_path / "image"
    folder.mkdir()
    (folder / fill_with).write_bytes(os.urandom(50_000))
    subprocess.run(["truncate", "-s", size, image], check=True)
    subprocess.run(["mke2fs", "-q", "-t", "ext4", *options, "-d", folder, image], check=True)
    return image.read_bytes()


@pytest.mark.parametrize("seam", ["volumes.fill:after gathering", "volumes.fill:after copy"])
def test_what_an_agent_gathered_that_died_is_swept_away(host: RealHost, tmp_path: Path, seam: str) -> None:
    volume = create(host.store, encrypted=True)
    before = host.leftovers()
    image_of(tmp_path)
    host.extra = (volume, str(tmp_path / "image"))
    host.die_at(seam, FILL)
    host.open()
    host.store.unmount(volume.id)
    assert host.leftovers() == before


def test_images_of_others_are_taken(host: RealHost, tmp_path: Path) -> None:
    volume = create(host.store, encrypted=True)
    assert fill(host, volume, image_of(tmp_path, "guest", "64M", "-b", "1024", "-O", "^has_journal")) == []
    root = Path(host.store.mount(volume))
    assert os.listdir(root) == ["guest"]
    assert (root / "guest").read_bytes() == (tmp_path / "folder" / "guest").read_bytes()


def test_a_damaged_image_is_not_mounted(host: RealHost, tmp_path: Path) -> None:
    volume = create(host.store)
    image = bytearray(image_of(tmp_path))
    for at in range(4096, 40_000, 512):
        image[at] ^= 0xFF
    with pytest.raises(Invalid, match="e2fsck"):
        fill(host, volume, bytes(image))
    with pytest.raises(Invalid, match="cut short"):
        fill(host, volume, bytes(image[: len(image) // 2]))
    image[1024 + 336 : 1024 + 340] = b"\xff\xff\xff\x7f"
    image[1024 + 4 : 1024 + 8] = b"\xff\xff\xff\xff"
    with pytest.raises(Invalid, match="says that it has"):
        fill(host, volume, bytes(image))


def test_an_image_with_more_in_it_than_the_volume_holds_is_refused_before_it_is_copied(
    host: RealHost, tmp_path: Path
) -> None:
    folder, image = tmp_path / "folder", tmp_path / "image"
    folder.mkdir()
    with (folder / "large").open("wb") as file:
        for _ in range(1100):
            file.write(b"x" * (1 << 20))
    subprocess.run(["truncate", "-s", "1500M", image], check=True)
    subprocess.run(["mke2fs", "-q", "-t", "ext4", "-d", folder, image], check=True)
    volume = create(host.store)
    with image.open("rb") as source, pytest.raises(Invalid, match="it takes 2 GB") as refused:
        host.store.fill(volume, lambda: source.read(1 << 20), lambda _bytes: None)
    assert refused.value.hint == "add --size 2"


def test_a_tree_of_every_kind_of_file_goes_through_a_view_and_into_a_volume(host: RealHost, tmp_path: Path) -> None:
    volume, other = create(host.store, encrypted=True), create(host.store, encrypted=True)
    root = Path(host.store.mount(volume))
    make_tree(root, devices=True)
    view = host.store.open_view(VIEW, origin_of(volume), None)
    packed = b"".join(host.store.pack_folder(view, b"/"))
    host.store.close_view(VIEW)
    assert fill(host, other, packed) == ["'./null' (character device)"]
    wanted = scan_tree(root)
    del wanted[b"null"]
    assert scan_tree(Path(host.store.mount(other))) == wanted


def test_a_hostile_tar_writes_nowhere_but_into_the_volume(host: RealHost, tmp_path: Path) -> None:
    target = tmp_path / "target"
    for name, type, link in [
        (f"../../../../../..{target}", tarfile.REGTYPE, ""),
        ("link", tarfile.SYMTYPE, str(tmp_path)),
        ("link/target", tarfile.REGTYPE, ""),
        ("hard", tarfile.LNKTYPE, str(Path(__file__))),
    ]:
        made = io.BytesIO()
        with tarfile.open(fileobj=made, mode="w") as tar:
            for each, kind in (("link", tarfile.SYMTYPE), (name, type)):
                member = tarfile.TarInfo(each)
                member.type, member.linkname = kind, link or str(tmp_path)
                tar.addfile(member)
        volume = create(host.store)
        if name == "link":
            fill(host, volume, made.getvalue())
        else:
            with pytest.raises(Invalid):
                fill(host, volume, made.getvalue())
        host.store.erase(volume.id)
    assert not target.exists()


def test_no_path_leads_out_of_a_snapshot(host: RealHost) -> None:
    volume = create(host.store)
    root = Path(host.store.mount(volume))
    (root / "etc").mkdir()
    (root / "etc" / "hostname").write_text("inside")
    os.symlink("/etc/hostname", root / "absolute")
    os.symlink("../../../../../etc/hostname", root / "relative")
    os.symlink("/proc/self/root/etc/hostname", root / "magic")
    os.symlink("loop", root / "loop")
    host.store.take_snapshot(origin_of(volume), SNAPSHOT)
    view = host.store.open_view(VIEW, origin_of(volume), SNAPSHOT)
    for path in (b"absolute", b"relative", b"/../../etc/hostname", b"etc/../../etc/hostname"):
        assert b"".join(host.store.read_file(view, path)[1]) == b"inside"
    for path in (b"magic", b"/proc/self/status", b"etc/hostname/x"):
        with pytest.raises((NotFound, Conflict)):
            host.store.read_file(view, path)
    with pytest.raises(Conflict, match="Too many levels"):
        host.store.read_file(view, b"loop")
    assert {entry.target for entry in host.store.list_folder(view, b"/").entries} >= {b"/etc/hostname", b"loop"}
    host.store.close_view(VIEW)
    host.store.erase_snapshot(SNAPSHOT)


def test_a_raw_volume_leaves_and_comes_as_its_bytes(host: RealHost) -> None:
    volume, other = create(host.store, fstype=FileSystemKind.RAW), create(host.store, fstype=FileSystemKind.RAW)
    content = os.urandom(3 << 20)
    assert fill(host, volume, content) == []
    device = host.store.open_view(VIEW, origin_of(volume), None)
    from caddis.domain.files import ExportFormat

    sent = b"".join(host.store.export(VIEW, origin_of(volume), device, ExportFormat.IMAGE))
    host.store.close_view(VIEW)
    assert fill(host, other, sent) == []
    with open(host.store.mount(other), "rb") as found:
        assert found.read(len(content)) == content
    host.store.unmount(other.id)
    with pytest.raises(Invalid, match="take 2 GB"):
        zeros = iter([bytes(1 << 20)] * 1025)
        host.store.fill(other, lambda: next(zeros, b""), lambda _bytes: None)


def test_a_damaged_snapshot_is_told_plainly(host: RealHost) -> None:
    volume = create(host.store)
    with pytest.raises(Damaged, match="missing"):
        host.store.open_view(VIEW, origin_of(volume), SNAPSHOT)
    assert not [line for line in host.leftovers() if VIEW in line]
