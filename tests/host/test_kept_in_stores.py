"""Kept snapshots in a real S3 server and in real folders: whole, damaged, killed half-way, read-only, full and gone."""

from __future__ import annotations

import errno
import os
import pickle
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import count
from pathlib import Path

import pytest

from caddis.backups.checking import check
from caddis.backups.collecting import collect
from caddis.backups.manifest import chunk_object
from caddis.backups.objects import Objects, StoreFailed
from caddis.backups.opening import StoreChoice, open_kept_store, open_object_store
from caddis.backups.shipping import ship
from caddis.backups.status import probe
from caddis.backups.store import KeptName, KeptStore, forget, list_kept
from caddis.domain.errors import Damaged, Unreachable
from caddis.kernel import mount
from contracts.objects_contract import ObjectsContract
from kept_rooms import MIB, NOW, VOLUME, chunk_objects, facts, noise, restored, write_image
from real_s3 import RealS3, running_s3

pytestmark = pytest.mark.host

IMAGE = [noise(1), None, noise(2), bytes(MIB), noise(3)]
_numbers = count()


@pytest.fixture(scope="module")
def s3() -> Iterator[RealS3]:
    with running_s3() as server:
        yield server


@pytest.fixture(params=["s3", "folder"])
def choice(request: pytest.FixtureRequest, tmp_path: Path) -> StoreChoice:
    if request.param == "folder":
        return StoreChoice(url=f"file://{tmp_path}/store")
    server: RealS3 = request.getfixturevalue("s3")
    return server.choice(f"test/{next(_numbers)}")


def opened(choice: StoreChoice, tmp_path: Path, *, may_create: bool = True) -> KeptStore:
    return open_kept_store(choice, key=tmp_path / "store.key", host="h1", may_create=may_create)


@pytest.fixture
def store(choice: StoreChoice, tmp_path: Path) -> KeptStore:
    return opened(choice, tmp_path)


class TestS3Objects(ObjectsContract):
    @pytest.fixture
    def objects(self, s3: RealS3) -> Objects:
        return open_object_store(s3.choice(f"contract/{next(_numbers)}"))


def test_a_snapshot_comes_back_byte_for_byte_in_another_process(
    choice: StoreChoice, store: KeptStore, tmp_path: Path
) -> None:
    image = write_image(tmp_path / "image", IMAGE, size=5 * MIB + 321)
    manifest = ship(store, facts(), parts={"image": image})
    again = opened(choice, tmp_path, may_create=False)
    assert restored(again, manifest, tmp_path / "target") == image.read_bytes()
    assert check(again).ok


def test_the_next_snapshot_sends_only_what_changed(store: KeptStore, tmp_path: Path) -> None:
    image = write_image(tmp_path / "image", IMAGE)
    base = ship(store, facts(1), parts={"image": image})
    before = set(chunk_objects(store.objects))
    image = write_image(tmp_path / "image", [noise(1), noise(4), noise(2), bytes(MIB), noise(3)])
    manifest = ship(store, facts(2), parts={"image": image}, base=base, changed=[(MIB, 4096)])
    assert set(chunk_objects(store.objects)) - before == {chunk_object(store.keys.name_chunk(noise(4)))}
    assert restored(store, manifest, tmp_path / "target") == image.read_bytes()
    forget(store, KeptName(VOLUME, base.about.id))
    assert collect(store).chunks_deleted == 0
    forget(store, KeptName(VOLUME, manifest.about.id))
    assert collect(store).chunks_deleted == 4
    assert chunk_objects(store.objects) == []


SEAMS = (
    "backups.ship/lock:after put",
    "backups.ship/lock:after",
    "backups.ship/chunk:after put",
    "backups.ship/chunk:after read back",
    "backups.ship/manifest:before",
    "backups.ship/manifest:after",
)
SHIP = """
import pickle, sys
from pathlib import Path
from caddis.backups.opening import open_kept_store
from caddis.backups.shipping import ship
from kept_rooms import facts
choice, folder = pickle.loads(bytes.fromhex(sys.stdin.read()))
store = open_kept_store(choice, key=folder / "store.key", host="h1")
ship(store, facts(), parts={"image": folder / "image"})
"""


@pytest.mark.parametrize("seam", SEAMS)
def test_killed_at_a_seam_shipping_goes_on_and_sends_nothing_twice(
    choice: StoreChoice, store: KeptStore, tmp_path: Path, seam: str
) -> None:
    image = write_image(tmp_path / "image", IMAGE)
    killed = subprocess.run(
        [sys.executable, "-c", SHIP],
        input=pickle.dumps((choice, tmp_path)).hex().encode(),
        env={**os.environ, "CADDIS_DIE_AT": seam, "PYTHONPATH": str(Path(__file__).parents[1])},
        capture_output=True,
        timeout=60,
    )
    assert killed.returncode == -9, killed.stderr.decode()
    assert len(list_kept(store)) == (seam == SEAMS[-1])
    there = {name: store.objects.find(name) for name in chunk_objects(store.objects)}
    manifest = ship(store, facts(), parts={"image": image})
    for name, content in there.items():  # sealing again would have changed them: nonces are random
        assert store.objects.find(name) == content
    assert restored(store, manifest, tmp_path / "target") == image.read_bytes()
    assert collect(store).chunks_left == 3
    assert list(store.objects.list_objects("locks")) == []


def test_a_chunk_that_is_missing_or_damaged_is_named(store: KeptStore, tmp_path: Path) -> None:
    manifest = ship(store, facts(), parts={"image": write_image(tmp_path / "image", IMAGE)})
    one, other = (store.keys.name_chunk(noise(number)) for number in (2, 3))
    store.objects.delete(chunk_object(one))
    with pytest.raises(Damaged, match=f"{one} is missing.*offset {2 * MIB}"):
        restored(store, manifest, tmp_path / "target")
    store.objects.put(chunk_object(other), (store.objects.find(chunk_object(other)) or b"")[:-100])
    report = check(store)
    assert not report.ok
    assert sorted(name in fault.sentence for fault in report.faults for name in (one, other)) == [0, 0, 1, 1]


def test_a_truncated_manifest_is_named_and_nothing_is_collected(store: KeptStore, tmp_path: Path) -> None:
    ship(store, facts(), parts={"image": write_image(tmp_path / "image", IMAGE)})
    name = str(KeptName(VOLUME, facts().id))
    store.objects.put(name, (store.objects.find(name) or b"")[:100])
    with pytest.raises(Damaged, match=name):
        collect(store)
    assert [name in fault.sentence for fault in check(store).faults] == [True]


def test_another_key_is_refused_before_anything_is_read(choice: StoreChoice, store: KeptStore, tmp_path: Path) -> None:
    (tmp_path / "store.key").write_bytes(bytes(32))
    with pytest.raises(Damaged, match="another store key"):
        opened(choice, tmp_path)


def test_credentials_that_may_only_read_can_restore_and_are_told_that_they_cannot_ship(
    s3: RealS3, tmp_path: Path
) -> None:
    prefix = f"test/{next(_numbers)}"
    image = write_image(tmp_path / "image", IMAGE)
    manifest = ship(opened(s3.choice(prefix), tmp_path), facts(), parts={"image": image})
    reader = opened(s3.choice(prefix, user="reader"), tmp_path)
    assert restored(reader, manifest, tmp_path / "target") == image.read_bytes()
    assert check(reader).ok
    for refused in (lambda: ship(reader, facts(2), parts={"image": image}), lambda: collect(reader)):
        with pytest.raises(StoreFailed, match="may not do this"):
            refused()
    with pytest.raises(StoreFailed, match="may not do this"):
        forget(reader, KeptName(VOLUME, facts().id))
    assert "may not do this" in str(probe(reader.objects, now=NOW).reason)


def test_wrong_credentials_are_told_and_not_repeated(s3: RealS3, tmp_path: Path) -> None:
    right = s3.choice("test/credentials")
    for wrong, why in (
        (replace(right, secret_key="wrongsecret"), "does not belong to the access key"),
        (replace(right, access_key="AKWRONG"), "does not know the access key"),
    ):
        with pytest.raises(StoreFailed, match=why) as told:
            opened(wrong, tmp_path)
        for secret in ("wrongsecret", "AKWRONG", str(right.secret_key)):
            assert secret not in f"{told.value.message} {told.value.hint} {told.value!r}"
        assert not probe(open_object_store(wrong), now=NOW).ok


def test_a_bucket_that_does_not_exist_is_never_an_empty_store(s3: RealS3, tmp_path: Path) -> None:
    with pytest.raises(StoreFailed, match="no such bucket"):
        opened(s3.choice("x", bucket="nowhere"), tmp_path)
    objects = open_object_store(s3.choice("x", bucket="nowhere"))
    for attempt in (
        lambda: objects.find("a"),
        lambda: objects.put("a", b""),
        lambda: objects.put_new("a", b""),
        lambda: list(objects.list_objects("a")),
        lambda: objects.delete("a"),
    ):
        with pytest.raises(StoreFailed, match="no such bucket"):
            attempt()


def test_a_bucket_of_ones_own_needs_no_prefix(s3: RealS3) -> None:
    objects = open_object_store(s3.choice(""))
    assert objects.where == "s3://kept"
    objects.put("top/a", b"x")
    assert [stored.name for stored in objects.list_objects("top")] == ["top/a"]
    objects.delete("top/a")
    assert not objects.exists("top/a")


def test_a_server_that_is_gone_is_unreachable(s3: RealS3, tmp_path: Path) -> None:
    gone = replace(s3.choice("test/gone"), endpoint="http://127.0.0.1:9")
    with pytest.raises(Unreachable, match="did not answer"):
        opened(gone, tmp_path)
    status = probe(open_object_store(gone), now=NOW)
    assert "did not answer" in str(status.reason)


@contextmanager
def small_disk(folder: Path, options: str) -> Iterator[Path]:
    """A file system in memory, with an end."""
    folder.mkdir()
    mount.mount("caddis-test", folder, "tmpfs", options=options)
    try:
        yield folder
    finally:
        assert mount.unmount(folder, patience=5)


def test_a_full_folder_is_told_and_shipping_goes_on_when_there_is_room(tmp_path: Path) -> None:
    image = write_image(tmp_path / "image", [noise(number) for number in range(6)])
    with small_disk(tmp_path / "disk", "size=4m") as folder:
        store = opened(StoreChoice(url=f"file://{folder}"), tmp_path)
        with pytest.raises(StoreFailed, match="is full"):
            ship(store, facts(), parts={"image": image})
        assert list_kept(store) == []
        assert os.listdir(folder / ".unfinished") == []
        assert check(store).ok
        subprocess.run(["mount", "-o", "remount,size=16m", str(folder)], check=True)
        manifest = ship(store, facts(), parts={"image": image})
        assert restored(store, manifest, tmp_path / "target") == image.read_bytes()


def test_a_folder_on_a_disk_that_is_read_only_can_restore_and_tells_that_it_cannot_keep(tmp_path: Path) -> None:
    image = write_image(tmp_path / "image", IMAGE)
    with small_disk(tmp_path / "disk", "size=16m") as folder:
        choice = StoreChoice(url=f"file://{folder}")
        manifest = ship(opened(choice, tmp_path), facts(), parts={"image": image})
        subprocess.run(["mount", "-o", "remount,ro", str(folder)], check=True)
        store = opened(choice, tmp_path, may_create=False)
        assert restored(store, manifest, tmp_path / "target") == image.read_bytes()
        with pytest.raises(StoreFailed, match=os.strerror(errno.EROFS)):
            ship(store, facts(2), parts={"image": image})
        assert not probe(store.objects, now=NOW).ok


def test_a_disk_that_was_unmounted_is_not_an_empty_store_and_nothing_is_written_below_it(tmp_path: Path) -> None:
    image = write_image(tmp_path / "image", IMAGE)
    with small_disk(tmp_path / "disk", "size=16m") as folder:
        choice = StoreChoice(url=f"file://{folder}")
        store = opened(choice, tmp_path)
        ship(store, facts(), parts={"image": image})
        assert mount.unmount(folder, patience=5)
        try:
            for attempt in (lambda: list_kept(store), lambda: collect(store), lambda: check(store)):
                with pytest.raises(StoreFailed, match="unmounted"):
                    attempt()
            with pytest.raises(StoreFailed, match="nothing of Caddis"):
                opened(choice, tmp_path, may_create=False)
            assert os.listdir(folder) == []
        finally:
            mount.mount("caddis-test", folder, "tmpfs", options="size=1m")


def test_a_restored_file_stays_allocated_where_the_snapshot_has_zeros(tmp_path: Path) -> None:
    store = opened(StoreChoice(url=f"file://{tmp_path}/store"), tmp_path)
    manifest = ship(store, facts(), parts={"image": write_image(tmp_path / "image", [None, noise(1)])})
    target = write_image(tmp_path / "target", [noise(5), noise(6)])
    assert restored(store, manifest, target) == bytes(MIB) + noise(1)
    assert target.stat().st_blocks * 512 >= 2 * MIB
