"""Shipping, collecting, forgetting and dying in every order: a chunk that a manifest names is never lost."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from caddis.backups.checking import check
from caddis.backups.collecting import collect
from caddis.backups.locks import break_locks_of
from caddis.backups.manifest import chunk_object
from caddis.backups.shipping import ship
from caddis.backups.store import KeptName, KeptStore, find_manifest, forget, list_kept
from caddis.domain.errors import Conflict
from fakes.objects import Died, Dying, Interfered, MemoryObjects
from kept_rooms import MIB, VOLUME, facts, kept_store, noise, restored, write_image

IMAGE = [noise(1), None, noise(2)]
FIRST = KeptName(VOLUME, f"vs_{1:016}")


def store_with_orphans() -> MemoryObjects:
    """What is about to be shipped is there already, and no manifest names it: a collector's prey."""
    objects = MemoryObjects()
    keys = kept_store(objects).keys
    for plain in (noise(1), noise(2), noise(3)):
        name = keys.name_chunk(plain)
        objects.contents[chunk_object(name)] = keys.seal_chunk(name, plain)
    return objects


def giving_way(work: Callable[[], object]) -> bool:
    """Whether it was done, rather than giving way."""
    try:
        work()
    except Conflict:
        return False
    return True


@pytest.mark.parametrize("collector", ["h1", "h2"])
def test_a_collection_at_any_moment_of_a_shipping_takes_nothing_from_it(tmp_path: Path, collector: str) -> None:
    image = write_image(tmp_path / "image", IMAGE)
    moment, calls, collected = 0, 1, 0
    while moment < calls:
        inner = store_with_orphans()
        done: list[bool] = []
        objects = Interfered(
            inner,
            moment,
            lambda: done.append(giving_way(lambda: collect(kept_store(inner, host=collector)))),  # noqa: B023
        )
        shipped = giving_way(lambda: ship(kept_store(objects), facts(), parts={"image": image}))  # noqa: B023
        calls, moment, collected = objects.calls, moment + 1, collected + done.count(True)
        assert check(kept_store(inner)).ok
        assert shipped == (FIRST in list_kept(kept_store(inner)))
        manifest = ship(kept_store(inner), facts(), parts={"image": image})
        assert restored(kept_store(inner), manifest, tmp_path / "target") == image.read_bytes()
    assert calls > 10 and 0 < collected < moment


@pytest.mark.parametrize("shipper", ["h1", "h2"])
def test_a_shipping_at_any_moment_of_a_collection_loses_nothing_to_it(tmp_path: Path, shipper: str) -> None:
    image = write_image(tmp_path / "image", IMAGE)
    moment, calls, kept = 0, 1, 0
    while moment < calls:
        inner = store_with_orphans()
        mine = kept_store(inner, host=shipper)
        objects = Interfered(
            inner,
            moment,
            lambda: giving_way(lambda: ship(mine, facts(), parts={"image": image})),  # noqa: B023
        )
        giving_way(lambda: collect(kept_store(objects)))  # noqa: B023
        calls, moment, kept = objects.calls, moment + 1, kept + len(list_kept(mine))
        assert check(mine).ok
    assert calls > 5 and 0 < kept < moment


def test_killed_at_any_call_shipping_goes_on_and_its_lock_is_taken_over(tmp_path: Path) -> None:
    image = write_image(tmp_path / "image", IMAGE)
    counting = Interfered(MemoryObjects(), -1, lambda: None)
    ship(kept_store(counting), facts(), parts={"image": image})
    for moment in range(counting.calls):
        inner = MemoryObjects()
        try:
            ship(kept_store(Dying(inner, moment)), facts(), parts={"image": image})
        except Died:
            pass
        else:
            pytest.fail(f"survived call {moment}")
        manifest = ship(kept_store(inner), facts(), parts={"image": image})
        assert len([name for name in inner.written if name.startswith("chunks/")]) == 2
        assert collect(kept_store(inner)).chunks_left == 2
        assert list(inner.list_objects("locks")) == []
        assert restored(kept_store(inner), manifest, tmp_path / "target") == image.read_bytes()


def test_killed_at_any_call_a_collection_loses_nothing_and_blocks_its_own_host_never(tmp_path: Path) -> None:
    image = write_image(tmp_path / "image", [noise(1)])
    for moment in range(12):
        inner = store_with_orphans()
        ship(kept_store(inner), facts(1), parts={"image": image})
        try:
            collect(kept_store(Dying(inner, moment)))
        except Died:
            pass
        assert check(kept_store(inner)).ok
        ship(kept_store(inner), facts(2), parts={"image": write_image(tmp_path / "two", IMAGE)})
        collect(kept_store(inner))
        assert check(kept_store(inner)).ok


def test_a_dead_host_blocks_the_collection_of_others_until_its_locks_are_broken(tmp_path: Path) -> None:
    image, inner = write_image(tmp_path / "image", IMAGE), MemoryObjects()
    with pytest.raises(Died):
        ship(kept_store(Dying(inner, 4), host="lost"), facts(), parts={"image": image})
    other = kept_store(inner, host="h2")
    with pytest.raises(Conflict, match="ship-lost-vs_"):
        collect(other)
    assert list(inner.list_objects("locks")) != []
    assert len(break_locks_of(other, "lost")) == 1
    collect(other)
    assert list(inner.list_objects("locks")) == []


class _AnswerLost(MemoryObjects):
    """Where the answer to a put is lost, its repetition finds the name taken by the first."""

    def put_new(self, name: str, content: bytes) -> bool:
        return super().put_new(name, content) and False


def test_a_lock_whose_answer_was_lost_is_recognized_as_ones_own(tmp_path: Path) -> None:
    store = kept_store(_AnswerLost())
    ship(store, facts(), parts={"image": write_image(tmp_path / "image", IMAGE)})
    assert collect(store).chunks_left == 2
    assert list(store.objects.list_objects("locks")) == []


def test_the_same_snapshot_is_not_shipped_twice_at_once(tmp_path: Path) -> None:
    image, inner = write_image(tmp_path / "image", IMAGE), MemoryObjects()
    told: list[bool] = []
    again = lambda: told.append(giving_way(lambda: ship(kept_store(inner), facts(), parts={"image": image})))  # noqa: E731
    ship(kept_store(Interfered(inner, 6, again)), facts(), parts={"image": image})
    assert told == [False]


class KeptSnapshots(RuleBasedStateMachine):
    """Two hosts, three volumes, one store; any of them may die at any call."""

    @initialize()
    def begin(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="caddis-kept-"))
        self.objects = MemoryObjects()
        self.images: dict[KeptName, bytes] = {}
        self.chunks: list[list[int]] = [[0, 0], [0, 0], [0, 0]]
        self.changed: list[set[int]] = [set(), set(), set()]
        self.bases: list[KeptName | None] = [None, None, None]
        self.number = 0

    @rule(volume=st.integers(0, 2), index=st.integers(0, 1), content=st.integers(0, 4))
    def write(self, volume: int, index: int, content: int) -> None:
        self.chunks[volume][index] = content
        self.changed[volume].add(index)

    @rule(volume=st.integers(0, 2), dies_at=st.integers(0, 40), collects_at=st.integers(-20, 20))
    def keep(self, volume: int, dies_at: int, collects_at: int) -> None:
        self.number += 1
        about = facts(self.number, volume_id=f"vol_{volume:016}")
        plain = [noise(content) if content else None for content in self.chunks[volume]]
        image = write_image(self.folder / f"image{volume}", plain)
        inner = Interfered(self.objects, collects_at, lambda: giving_way(lambda: collect(self.store("h2"))))
        base_name = self.bases[volume]
        base = find_manifest(self.store("h1"), base_name) if base_name else None
        try:
            ship(
                kept_store(Dying(inner, dies_at)),
                about,
                parts={"image": image},
                base=base,
                changed=[(index * MIB, 1) for index in self.changed[volume]] if base else None,
            )
        except (Died, Conflict):
            pass
        name = KeptName(about.volume_id, about.id)
        if name in list_kept(self.store("h1")):
            self.images[name] = image.read_bytes()
            self.bases[volume], self.changed[volume] = name, set()

    @rule(which=st.integers(0, 99))
    def forget(self, which: int) -> None:
        kept = list_kept(self.store("h1"))
        if kept:
            forget(self.store("h2"), kept[which % len(kept)])
            del self.images[kept[which % len(kept)]]

    @rule(host=st.sampled_from(["h1", "h2"]), dies_at=st.integers(0, 40))
    def collect(self, host: str, dies_at: int) -> None:
        try:
            collect(kept_store(Dying(self.objects, dies_at), host=host))
        except (Died, Conflict):
            pass

    @invariant()
    def nothing_named_is_lost(self) -> None:
        store = self.store("h1")
        assert check(store).ok
        assert set(list_kept(store)) == set(self.images)

    def store(self, host: str) -> KeptStore:
        return kept_store(self.objects, host=host)

    def teardown(self) -> None:
        for host in ("h1", "h2"):
            break_locks_of(self.store("h1"), host)
        collect(self.store("h1"))
        for name, content in self.images.items():
            manifest = find_manifest(self.store("h1"), name)
            assert manifest is not None
            assert restored(self.store("h1"), manifest, self.folder / "target") == content
        report = check(self.store("h1"))
        assert report.ok and report.orphans == 0
        shutil.rmtree(self.folder)


KeptSnapshots.TestCase.settings = settings(max_examples=15, stateful_step_count=12, deadline=None)
TestKeptSnapshots = KeptSnapshots.TestCase
