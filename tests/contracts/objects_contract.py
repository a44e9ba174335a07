"""What every store of objects must do (backups/objects.py), whatever it is made of."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from caddis.backups.objects import Objects, Stored
from caddis.domain.errors import Invalid


class ObjectsContract:
    """Mix into a test class with a fixture `objects`, an empty store."""

    def test_what_was_put_is_found_and_listed_at_once(self, objects: Objects) -> None:
        objects.put("chunks/ab/abcd", b"content")
        assert objects.find("chunks/ab/abcd") == b"content"
        assert objects.exists("chunks/ab/abcd")
        assert list(objects.list_objects("chunks")) == [Stored("chunks/ab/abcd", 7)]

    def test_putting_again_replaces(self, objects: Objects) -> None:
        objects.put("a", b"one")
        objects.put("a", b"two")
        assert objects.find("a") == b"two"

    def test_what_is_not_there_is_told_without_a_problem(self, objects: Objects) -> None:
        assert objects.find("nothing/here") is None
        assert not objects.exists("nothing/here")
        assert list(objects.list_objects("nothing")) == []
        objects.delete("nothing/here")

    def test_a_deleted_object_is_gone_at_once(self, objects: Objects) -> None:
        objects.put("a/b", b"x")
        objects.delete("a/b")
        assert objects.find("a/b") is None
        assert not objects.exists("a/b")
        assert list(objects.list_objects("a")) == []

    def test_a_name_that_is_taken_is_left_alone(self, objects: Objects) -> None:
        assert objects.put_new("locks/collect", b"first")
        assert not objects.put_new("locks/collect", b"second")
        assert objects.find("locks/collect") == b"first"
        objects.delete("locks/collect")
        assert objects.put_new("locks/collect", b"third")

    def test_of_many_who_want_a_name_one_gets_it(self, objects: Objects) -> None:
        with ThreadPoolExecutor(8) as pool:
            won = list(pool.map(lambda number: objects.put_new("locks/one", b"%d" % number), range(8)))
        assert won.count(True) == 1
        assert objects.find("locks/one") == b"%d" % won.index(True)

    def test_a_list_shows_one_folder_and_all_below_it(self, objects: Objects) -> None:
        for name in ("snapshots/vol_a/vs_1", "snapshots/vol_ab/vs_2", "snapshots/vol_a/vs_3", "snapshot"):
            objects.put(name, b"x")
        assert [found.name for found in objects.list_objects("snapshots")] == [
            "snapshots/vol_a/vs_1",
            "snapshots/vol_a/vs_3",
            "snapshots/vol_ab/vs_2",
        ]
        assert [found.name for found in objects.list_objects("snapshots/vol_a")] == [
            "snapshots/vol_a/vs_1",
            "snapshots/vol_a/vs_3",
        ]

    def test_many_objects_are_all_listed(self, objects: Objects) -> None:
        names = {f"chunks/{number % 7}/{number}" for number in range(1100)}  # S3 answers a thousand at a time
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda name: objects.put(name, b""), names))
        assert {found.name for found in objects.list_objects("chunks")} == names

    def test_empty_and_large_contents_come_back_whole(self, objects: Objects) -> None:
        large = bytes(range(256)) * (6 << 12)  # 6 MiB: more than what S3 clients like to cut
        for content in (b"", large):
            objects.put("a", content)
            assert objects.find("a") == content

    @pytest.mark.parametrize("name", ["", "/a", "a/", "../a", "a/../b", "a//b", ".a", "a/.b", "A", "a b", "a\n"])
    def test_names_that_would_leave_their_place_are_refused(self, objects: Objects, name: str) -> None:
        with pytest.raises(Invalid):
            objects.put(name, b"x")
        with pytest.raises(Invalid):
            objects.find(name)

    def test_it_shows_where_it_is(self, objects: Objects) -> None:
        assert "://" in objects.where
