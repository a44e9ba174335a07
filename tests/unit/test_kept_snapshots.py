"""Shipping, restoring, forgetting, collecting and checking, over a store in memory."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from caddis.backups.checking import check
from caddis.backups.collecting import collect
from caddis.backups.manifest import chunk_object
from caddis.backups.objects import StoreFailed
from caddis.backups.restoring import restore
from caddis.backups.shipping import ship
from caddis.backups.store import KeptName, KeptStore, StoredChunks, find_manifest, forget, get_manifest, list_kept
from caddis.domain.errors import Conflict, Damaged, Invalid, NotFound
from caddis.telemetry.seam import watch
from fakes.objects import MemoryObjects
from kept_rooms import MIB, VOLUME, chunk_objects, facts, kept_store, noise, restored, write_image

A, B, C = (noise(seed) for seed in (1, 2, 3))
FIRST, SECOND = (KeptName(VOLUME, f"vs_{number:016}") for number in (1, 2))


@pytest.fixture
def objects() -> MemoryObjects:
    return MemoryObjects()


@pytest.fixture
def store(objects: MemoryObjects) -> KeptStore:
    return kept_store(objects)


def test_a_restored_snapshot_is_the_image_byte_for_byte(store: KeptStore, tmp_path: Path) -> None:
    image = write_image(tmp_path / "image", [A, None, bytes(MIB), B, A], size=4 * MIB + 4097)
    manifest = ship(store, facts(), parts={"image": image})
    assert manifest.parts["image"].chunks[1:3] == (None, None)
    assert restored(store, manifest, tmp_path / "target") == image.read_bytes()
    assert find_manifest(store, FIRST) == manifest
    assert check(store).ok


def test_a_header_travels_beside_the_image(store: KeptStore, tmp_path: Path) -> None:
    image, header = write_image(tmp_path / "image", [A]), tmp_path / "header"
    header.write_bytes(b"LUKS header")
    manifest = ship(store, facts(), parts={"image": image, "header": header})
    assert restored(store, manifest, tmp_path / "target", part="header") == b"LUKS header"
    with pytest.raises(NotFound, match="no part 'other'"):
        restore(StoredChunks(store), manifest, -1, part="other")


def test_equal_chunks_and_zeros_are_stored_once_and_never(store: KeptStore, tmp_path: Path) -> None:
    ship(store, facts(), parts={"image": write_image(tmp_path / "image", [A, A, bytes(MIB), A, None])})
    assert len(chunk_objects(store.objects)) == 1


def test_nothing_readable_leaves_the_host(objects: MemoryObjects, store: KeptStore, tmp_path: Path) -> None:
    ship(store, facts(), parts={"image": write_image(tmp_path / "image", [b"sentinel" * (MIB // 8)])})
    for content in objects.contents.values():
        assert b"sentinel" not in content
        assert b"shop" not in content


def test_an_incremental_snapshot_reads_only_what_changed_and_sends_only_what_is_new(
    objects: MemoryObjects, store: KeptStore, tmp_path: Path
) -> None:
    base = ship(store, facts(1), parts={"image": write_image(tmp_path / "one", [A, B, None, A])})
    objects.written.clear()
    seen: list[tuple[int, int]] = []
    image = write_image(tmp_path / "two", [A, C, None, A])
    changed = [(MIB + 5, 10), (3 * MIB, 1)]
    progress = lambda done, total: seen.append((done, total))  # noqa: E731
    manifest = ship(store, facts(2), parts={"image": image}, base=base, changed=changed, on_progress=progress)
    sent = [name for name in objects.written if name.startswith("chunks/")]
    assert sent == [chunk_object(store.keys.name_chunk(C))]
    assert seen == [(MIB, 2 * MIB), (2 * MIB, 2 * MIB)]
    assert manifest.stored_bytes == len(objects.contents[sent[0]])
    assert restored(store, manifest, tmp_path / "target") == image.read_bytes()


def test_a_volume_that_grew_inherits_what_it_had(store: KeptStore, tmp_path: Path) -> None:
    base = ship(store, facts(1), parts={"image": write_image(tmp_path / "one", [A, B], size=MIB + 100)})
    image = write_image(tmp_path / "two", [A, B, C])
    manifest = ship(store, facts(2), parts={"image": image}, base=base, changed=[(2 * MIB, MIB)])
    assert restored(store, manifest, tmp_path / "target") == image.read_bytes()


def test_what_a_base_lost_in_the_store_is_sent_again_from_the_image(
    objects: MemoryObjects, store: KeptStore, tmp_path: Path
) -> None:
    image = write_image(tmp_path / "image", [A, B])
    base = ship(store, facts(1), parts={"image": image})
    del objects.contents[chunk_object(store.keys.name_chunk(A))]
    manifest = ship(store, facts(2), parts={"image": image}, base=base, changed=[])
    assert restored(store, manifest, tmp_path / "target") == image.read_bytes()


def test_a_chunk_that_is_damaged_in_the_store_is_replaced_when_it_is_sent_again(
    objects: MemoryObjects, store: KeptStore, tmp_path: Path
) -> None:
    name = chunk_object(store.keys.name_chunk(A))
    objects.contents[name] = b"\x01half"
    manifest = ship(store, facts(), parts={"image": write_image(tmp_path / "image", [A])})
    assert restored(store, manifest, tmp_path / "target") == A


class _Forgetful(MemoryObjects):
    """Says yes to every chunk, and keeps half of it."""

    def put(self, name: str, content: bytes) -> None:
        super().put(name, content[: len(content) // 2] if name.startswith("chunks/") else content)


def test_a_snapshot_is_not_kept_unless_its_chunks_come_back(tmp_path: Path) -> None:
    store = kept_store(_Forgetful())
    with pytest.raises(Damaged, match=store.keys.name_chunk(A)):
        ship(store, facts(), parts={"image": write_image(tmp_path / "image", [A])})
    assert list_kept(store) == []


@pytest.mark.parametrize("verb", ["put_new", "find", "exists", "put", "list_objects"])
def test_a_store_that_fails_keeps_nothing_and_works_when_it_is_back(
    objects: MemoryObjects, store: KeptStore, tmp_path: Path, verb: str
) -> None:
    image = write_image(tmp_path / "image", [A, B])
    objects.next_problem[verb] = StoreFailed("the store is full")
    if verb != "list_objects":  # which shipping without a base does not need
        with pytest.raises(StoreFailed, match="full"):
            ship(store, facts(), parts={"image": image})
        assert list_kept(store) == []
    objects.next_problem.clear()
    manifest = ship(store, facts(), parts={"image": image})
    assert restored(store, manifest, tmp_path / "target") == image.read_bytes()
    assert [name for name in objects.contents if name.startswith("locks/")] == []


def test_a_lock_that_cannot_be_removed_does_not_spoil_a_kept_snapshot(
    objects: MemoryObjects, store: KeptStore, tmp_path: Path
) -> None:
    objects.next_problem["delete"] = StoreFailed("the store did not answer")
    ship(store, facts(), parts={"image": write_image(tmp_path / "image", [A])})
    assert len(list(objects.list_objects("locks"))) == 1
    assert collect(store).chunks_left == 1
    assert list(objects.list_objects("locks")) == []


def test_shipping_twice_sends_nothing_the_second_time(objects: MemoryObjects, store: KeptStore, tmp_path: Path) -> None:
    image = write_image(tmp_path / "image", [A, B])
    manifest = ship(store, facts(), parts={"image": image})
    objects.written.clear()
    assert ship(store, facts(), parts={"image": image}) == manifest
    assert objects.written == []


class _Stop(BaseException):
    pass


def test_stopped_at_any_seam_shipping_goes_on_where_it_was(tmp_path: Path) -> None:
    image = write_image(tmp_path / "image", [A, B, None, C])
    passed: list[str] = []
    with watch(passed.append):
        ship(kept_store(MemoryObjects()), facts(), parts={"image": image})
    assert len(passed) == 4 + 2 * 3
    for stop in range(len(passed)):
        objects = MemoryObjects()
        store, count = kept_store(objects), iter(range(100))

        def stop_there(name: str, count: object = count, stop: int = stop) -> None:
            if next(count) == stop:  # type: ignore[call-overload]
                raise _Stop

        with watch(stop_there), pytest.raises(_Stop):
            ship(store, facts(), parts={"image": image})
        manifest = ship(store, facts(), parts={"image": image})
        sent = [name for name in objects.written if name.startswith("chunks/")]
        assert len(sent) == len(set(sent)) == 3
        assert restored(store, manifest, tmp_path / f"target{stop}") == image.read_bytes()


def test_what_the_progress_raises_ends_the_work_which_can_be_taken_up_again(
    objects: MemoryObjects, store: KeptStore, tmp_path: Path
) -> None:
    image = write_image(tmp_path / "image", [A, B, C])

    def stop(done: int, total: int) -> None:
        raise _Stop

    with pytest.raises(_Stop):
        ship(store, facts(), parts={"image": image}, on_progress=stop)
    assert list_kept(store) == []
    assert list(objects.list_objects("locks")) == []
    manifest = ship(store, facts(), parts={"image": image})
    with pytest.raises(_Stop), open(write_image(tmp_path / "target", [None, None, None]), "r+b") as file:
        restore(StoredChunks(store), manifest, file.fileno(), on_progress=stop)
    assert restored(store, manifest, tmp_path / "target") == image.read_bytes()


def test_restoring_over_garbage_fetches_only_what_is_not_there(store: KeptStore, tmp_path: Path) -> None:
    image = write_image(tmp_path / "image", [A, None, B, C])
    manifest = ship(store, facts(), parts={"image": image})
    target = write_image(tmp_path / "target", [A, C, A, None, C])  # one chunk is right; more follows the part's end
    fetched: list[str] = []

    class Counting(StoredChunks):
        def get_chunk(self, name: str) -> bytes:
            fetched.append(name)
            return super().get_chunk(name)

    with open(target, "r+b") as file:
        restore(Counting(store), manifest, file.fileno())
    assert sorted(fetched) == sorted(store.keys.name_chunk(chunk) for chunk in (B, C))
    assert target.read_bytes() == image.read_bytes() + C


def test_a_target_that_is_too_small_is_refused_before_anything_is_written(store: KeptStore, tmp_path: Path) -> None:
    manifest = ship(store, facts(), parts={"image": write_image(tmp_path / "image", [A, B])})
    target = write_image(tmp_path / "target", [None])
    with open(target, "r+b") as file, pytest.raises(Conflict, match="too few"):
        restore(StoredChunks(store), manifest, file.fileno())
    assert not any(target.read_bytes())


@pytest.mark.parametrize("how", ["missing", "cut short", "flipped", "swapped", "empty"])
def test_a_chunk_that_cannot_be_had_is_named_with_snapshot_and_offset(
    objects: MemoryObjects, store: KeptStore, tmp_path: Path, how: str
) -> None:
    manifest = ship(store, facts(), parts={"image": write_image(tmp_path / "image", [A, B])})
    name = store.keys.name_chunk(B)
    place, good = chunk_object(name), objects.contents[chunk_object(name)]
    if how == "missing":
        del objects.contents[place]
    else:
        objects.contents[place] = {
            "cut short": good[:-5],
            "flipped": good[:500] + bytes([good[500] ^ 1]) + good[501:],
            "swapped": objects.contents[chunk_object(store.keys.name_chunk(A))],
            "empty": b"",
        }[how]
    with pytest.raises(Damaged) as told:
        restored(store, manifest, tmp_path / "target")
    for words in (name, FIRST.snapshot_id, str(MIB)):
        assert words in told.value.message
    [fault] = check(store).faults
    assert name in fault.sentence and fault.snapshots == (FIRST,)


def test_a_source_that_lies_is_found_out(store: KeptStore, tmp_path: Path) -> None:
    manifest = ship(store, facts(), parts={"image": write_image(tmp_path / "image", [A, B])})

    class Lying(StoredChunks):
        def get_chunk(self, name: str) -> bytes:
            return bytes(MIB)

    with (
        open(write_image(tmp_path / "target", [None, None]), "r+b") as file,
        pytest.raises(Damaged, match="other content"),
    ):
        restore(Lying(store), manifest, file.fileno())


@pytest.mark.parametrize("how", ["cut short", "flipped", "of another snapshot", "another key"])
def test_a_manifest_that_cannot_be_trusted_is_named_and_stops_the_collection(
    objects: MemoryObjects, store: KeptStore, tmp_path: Path, how: str
) -> None:
    image = write_image(tmp_path / "image", [A])
    ship(store, facts(1), parts={"image": image})
    ship(store, facts(2), parts={"image": image})
    good = objects.contents[str(FIRST)]
    objects.contents[str(FIRST)] = {
        "cut short": good[: len(good) // 2],
        "flipped": good[:40] + bytes([good[40] ^ 1]) + good[41:],
        "of another snapshot": objects.contents[str(SECOND)],
        "another key": kept_store(objects, secret=bytes(32)).keys.seal_manifest(str(FIRST), b"{}"),
    }[how]
    with pytest.raises(Damaged, match=str(FIRST)):
        get_manifest(store, FIRST)
    objects.put(chunk_object("0" * 64), b"orphan")
    before = chunk_objects(objects)
    with pytest.raises(Damaged, match="nothing was collected"):
        collect(store)
    assert chunk_objects(objects) == before
    report = check(store)
    assert [fault.snapshots for fault in report.faults] == [(FIRST,)]
    assert report.orphans == 1
    ship(store, facts(1), parts={"image": image})  # the image is still here, and heals it
    assert collect(store).chunks_deleted == 1


def test_a_key_that_does_not_open_is_a_fault_of_its_snapshot(store: KeptStore, tmp_path: Path) -> None:
    image = write_image(tmp_path / "image", [A])
    ship(store, facts(1, wrapped_key=store.keys.wrap_key(b"key", SECOND.snapshot_id)), parts={"image": image})
    [fault] = check(store).faults
    assert FIRST.snapshot_id in fault.sentence


def test_forgetting_and_collecting_leaves_what_others_name(store: KeptStore, tmp_path: Path) -> None:
    ship(store, facts(1), parts={"image": write_image(tmp_path / "one", [A, B])})
    second = ship(store, facts(2), parts={"image": write_image(tmp_path / "two", [B, C])})
    assert list_kept(store) == list_kept(store, VOLUME) == [FIRST, SECOND]
    forget(store, FIRST)
    forget(store, FIRST)
    assert list_kept(store) == [SECOND]
    with pytest.raises(NotFound):
        get_manifest(store, FIRST)
    collected = collect(store)
    assert (collected.snapshots, collected.chunks_left, collected.chunks_deleted) == (1, 2, 1)
    assert collected.bytes_deleted > MIB
    assert restored(store, second, tmp_path / "target") == B + C
    assert collect(store).chunks_deleted == 0


def test_ids_that_would_leave_their_place_are_refused(store: KeptStore, tmp_path: Path) -> None:
    image = write_image(tmp_path / "image", [A])
    with pytest.raises(Invalid, match="not the id of a volume"):
        ship(store, facts(volume_id="../../etc"), parts={"image": image})
    with pytest.raises(Invalid, match="no part 'image'"):
        ship(store, facts(), parts={"header": image})


CHUNK = st.one_of(
    st.none(), st.just(bytes(MIB)), st.integers(0, 5).map(noise), st.integers(1, 9).map(lambda n: bytes([n]) * MIB)
)
CHANGE = st.tuples(st.integers(0, 5 * MIB), st.integers(1, 2 * MIB), st.integers(0, 255))


@settings(max_examples=30, deadline=None)
@given(
    chunks=st.lists(CHUNK, max_size=4),
    tail=st.integers(0, MIB - 1),
    changes=st.lists(CHANGE, max_size=4),
    grown=st.integers(0, 2 * MIB),
)
def test_any_image_and_any_change_come_back(
    chunks: list[bytes | None], tail: int, changes: list[tuple[int, int, int]], grown: int
) -> None:
    store = kept_store(MemoryObjects())
    with tempfile.TemporaryDirectory() as folder:
        image = write_image(Path(folder) / "image", chunks, size=len(chunks) * MIB + tail)
        before = image.read_bytes()
        base = ship(store, facts(1), parts={"image": image})
        os.truncate(image, len(before) + grown)
        changed = [(len(before), grown)]
        with open(image, "r+b") as file:
            for offset, length, value in changes:
                length = min(length, len(before) + grown - offset)
                if length > 0:
                    file.seek(offset)
                    file.write(bytes([value]) * length)
                    changed.append((offset, length))
        after = image.read_bytes()
        manifest = ship(store, facts(2), parts={"image": image}, base=base, changed=changed)
        assert restored(store, manifest, Path(folder) / "target") == after
        forget(store, FIRST)
        collect(store)
        assert restored(store, manifest, Path(folder) / "again") == after
        assert check(store).ok
