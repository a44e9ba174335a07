"""The fake store and the folder answer to one contract; opening a store, its key and its marker."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from caddis.backups.folder import FolderObjects
from caddis.backups.keys import StoreKey, open_store_key
from caddis.backups.objects import StoreFailed
from caddis.backups.opening import MARKER, StoreChoice, open_kept_store, open_object_store
from caddis.backups.status import probe
from caddis.domain.errors import Damaged, Invalid, Unreachable
from contracts.objects_contract import ObjectsContract
from fakes.objects import MemoryObjects
from kept_rooms import MIB, NOW, SECRET, noise


class TestMemoryObjects(ObjectsContract):
    @pytest.fixture
    def objects(self) -> MemoryObjects:
        return MemoryObjects()


class TestFolderObjects(ObjectsContract):
    @pytest.fixture
    def objects(self, tmp_path: Path) -> FolderObjects:
        return FolderObjects(tmp_path)


def test_a_folder_that_is_gone_is_told_plainly_and_not_made_anew(tmp_path: Path) -> None:
    root = tmp_path / "store"
    root.mkdir()
    objects = FolderObjects(root)
    objects.put("a/b", b"x")
    root.rename(tmp_path / "elsewhere")
    for attempt in (
        lambda: objects.find("a/b"),
        lambda: objects.put("a/b", b"y"),
        lambda: list(objects.list_objects("a")),
    ):
        with pytest.raises(StoreFailed, match="gone"):
            attempt()
    assert not root.exists()
    root.mkdir()  # as the empty folder below a disk that was unmounted
    with pytest.raises(StoreFailed, match="not the folder that was opened"):
        objects.find("a/b")
    assert not probe(objects, now=NOW).ok


def test_what_a_killed_writer_left_is_swept_away_after_a_day(tmp_path: Path) -> None:
    unfinished = tmp_path / ".unfinished"
    unfinished.mkdir()
    (unfinished / "old").write_bytes(b"half")
    (unfinished / "young").write_bytes(b"half")
    os.utime(unfinished / "old", (time.time() - 90_000,) * 2)
    objects = FolderObjects(tmp_path)
    assert os.listdir(unfinished) == ["young"]
    objects.put("a", b"x")
    assert os.listdir(unfinished) == ["young"]


def test_a_new_store_gets_a_key_and_a_marker_and_opens_again(tmp_path: Path) -> None:
    choice, key = StoreChoice(url=f"file://{tmp_path}/store"), tmp_path / "store.key"
    first = open_kept_store(choice, key=key, host="h1", may_create=True)
    assert key.stat().st_mode & 0o777 == 0o600
    assert len(key.read_bytes()) == 32
    again = open_kept_store(choice, key=key, host="h1")
    assert again.keys.check_value == first.keys.check_value


def test_another_key_is_refused_plainly(tmp_path: Path) -> None:
    choice, key = StoreChoice(url=f"file://{tmp_path}/store"), tmp_path / "store.key"
    open_kept_store(choice, key=key, host="h1", may_create=True)
    key.write_bytes(SECRET)
    with pytest.raises(Damaged, match="another store key"):
        open_kept_store(choice, key=key, host="h1", may_create=True)


def test_a_missing_key_is_never_replaced_while_a_store_was_begun_with_it(tmp_path: Path) -> None:
    choice, key = StoreChoice(url=f"file://{tmp_path}/store"), tmp_path / "store.key"
    open_kept_store(choice, key=key, host="h1", may_create=True)
    key.unlink()
    with pytest.raises(Damaged, match="missing"):
        open_kept_store(choice, key=key, host="h1", may_create=True)
    assert not key.exists()


def test_a_store_with_snapshots_but_without_its_marker_is_not_begun_anew(tmp_path: Path) -> None:
    choice, key = StoreChoice(url=f"file://{tmp_path}/store"), tmp_path / "store.key"
    store = open_kept_store(choice, key=key, host="h1", may_create=True)
    store.objects.put("chunks/ab/abcd", b"x")
    store.objects.delete(MARKER)
    with pytest.raises(Damaged, match="marker"):
        open_kept_store(choice, key=key, host="h1", may_create=True)


def test_an_empty_folder_is_no_store_unless_one_may_be_begun(tmp_path: Path) -> None:
    with pytest.raises(StoreFailed, match="nothing of Caddis"):
        open_kept_store(StoreChoice(url=f"file://{tmp_path}"), key=tmp_path / "store.key", host="h1")
    with pytest.raises(StoreFailed, match="gone"):
        open_kept_store(StoreChoice(url=f"file://{tmp_path}/none"), key=tmp_path / "store.key", host="h1")


@pytest.mark.parametrize("marker", [b"", b"{}", b'{"format":2,"chunk_bytes":1,"key_check":""}'])
def test_a_marker_that_cannot_be_understood_stops_everything(tmp_path: Path, marker: bytes) -> None:
    choice, key = StoreChoice(url=f"file://{tmp_path}/store"), tmp_path / "store.key"
    open_kept_store(choice, key=key, host="h1", may_create=True).objects.put(MARKER, marker)
    with pytest.raises(Damaged):
        open_kept_store(choice, key=key, host="h1", may_create=True)


@pytest.mark.parametrize("content", [b"", b"x" * 31, b"x" * 64])
def test_a_key_of_another_length_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "store.key").write_bytes(content)
    with pytest.raises(Damaged, match="instead of 32"):
        open_store_key(tmp_path / "store.key", may_create=True)


def test_a_key_that_others_can_read_is_refused(tmp_path: Path) -> None:
    (tmp_path / "store.key").write_bytes(SECRET)
    (tmp_path / "store.key").chmod(0o644)
    with pytest.raises(Damaged, match="others"):
        open_store_key(tmp_path / "store.key", may_create=True)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "store",
        "/store",
        "file://store/x",
        "file://",
        "file:///",
        "s3://",
        "gs://bucket",
        "s3://me:pw@bucket",
        "s3://b?x=1",
    ],
)
def test_what_is_no_store_is_refused_and_passwords_are_not_repeated(url: str) -> None:
    with pytest.raises(Invalid) as refused:
        open_object_store(StoreChoice(url=url, access_key="a", secret_key="b"))
    assert "pw" not in refused.value.message


def test_a_bucket_needs_keys_and_an_endpoint_that_is_a_url() -> None:
    with pytest.raises(Invalid, match="access key"):
        open_object_store(StoreChoice(url="s3://bucket"))
    with pytest.raises(Invalid, match="endpoint"):
        open_object_store(StoreChoice(url="s3://bucket", access_key="a", secret_key="b", endpoint="localhost:9000"))


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        ({"url": "s3://Bad Bucket!/p"}, "cannot be the name of a bucket"),
        ({"url": "s3://bücket/p"}, "cannot be the name of a bucket"),
        ({"url": "s3://bucket/a//b"}, "cannot be a prefix"),
        ({"url": "s3://bucket/../b"}, "cannot be a prefix"),
        ({"url": "s3://bucket/a%00b"}, "cannot be a prefix"),
        ({"endpoint": "http://"}, "is no URL"),
        ({"endpoint": "http://a b:9"}, "is no URL"),
        ({"endpoint": "http://host:99999"}, "is no URL"),
        ({"endpoint": "http://host:port"}, "is no URL"),
        ({"endpoint": "http://user:hush@host"}, "is no URL"),
        ({"region": "here there"}, "is not a region"),
        ({"access_key": "key\n"}, "the access key has a space"),
        ({"secret_key": "schlüssel"}, "the secret key has a space"),
    ],
)
def test_words_that_cannot_stand_in_a_request_are_refused(words: dict[str, str], complaint: str) -> None:
    good = {"url": "s3://bucket/pre.fix/2_b", "access_key": "a", "secret_key": "b/+=", "endpoint": "https://[::1]:9/x"}
    open_object_store(StoreChoice(**good))
    with pytest.raises(Invalid, match=complaint):
        open_object_store(StoreChoice(**good | words))


def test_credentials_and_keys_never_show(tmp_path: Path) -> None:
    choice = StoreChoice(
        url="s3://bucket/prefix", access_key="AKIDENT", secret_key="hush", endpoint="http://127.0.0.1:9"
    )
    objects = open_object_store(choice)
    for shown in (repr(choice), repr(objects), objects.where, repr(StoreKey(SECRET))):
        assert "hush" not in shown
        assert "AKIDENT" not in shown
        assert SECRET.hex()[:8] not in shown


def test_a_wrapped_key_opens_for_its_snapshot_and_this_store_key_only() -> None:
    keys = StoreKey(SECRET)
    wrapped = keys.wrap_key(b"volume key", "vs_1")
    assert keys.unwrap_key(wrapped, "vs_1") == b"volume key"
    for other, snapshot, text in ((keys, "vs_2", wrapped), (StoreKey(bytes(32)), "vs_1", wrapped), (keys, "vs_1", "?")):
        with pytest.raises(Damaged, match="does not open"):
            other.unwrap_key(text, snapshot)


def test_a_chunk_opens_under_its_name_only() -> None:
    keys, plain = StoreKey(SECRET), noise(1)
    name = keys.name_chunk(plain)
    sealed = keys.seal_chunk(name, plain)
    assert keys.open_chunk(name, sealed) == plain
    assert keys.seal_chunk(name, plain) != sealed
    assert keys.name_chunk(plain) != StoreKey(bytes(32)).name_chunk(plain)
    with pytest.raises(Damaged):
        keys.open_chunk("0" * 64, sealed)
    with pytest.raises(Damaged, match="other content"):
        keys.open_chunk("0" * 64, keys.seal_chunk("0" * 64, plain))
    for broken in (b"", sealed[:20], sealed[:-1], b"\x02" + sealed[1:], sealed[:100] + b"?" + sealed[101:]):
        with pytest.raises(Damaged):
            keys.open_chunk(name, broken)


def test_chunks_are_compressed_and_noise_grows_by_a_hair() -> None:
    keys = StoreKey(SECRET)
    assert len(keys.seal_chunk("x", b"text" * (MIB // 4))) < 1000
    assert len(keys.seal_chunk("x", noise(1))) < MIB + 200


def test_a_probe_is_green_where_all_works_and_tells_why_where_not() -> None:
    objects = MemoryObjects()
    assert probe(objects, now=NOW).ok
    assert objects.contents == {}
    objects.next_problem["put"] = Unreachable("the store did not answer")
    status = probe(objects, now=NOW)
    assert (status.ok, status.reason, status.at) == (False, "the store did not answer", NOW)
