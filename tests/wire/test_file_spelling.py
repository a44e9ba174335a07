"""Names of files, which are bytes, in JSON, which is text."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caddis.domain.files import FileInfo, Listing
from caddis.wire.file import listing_to_wire, name_from_wire, name_to_wire


@given(st.binary(max_size=300))
def test_every_name_comes_back_through_json(name: bytes) -> None:
    assert name_from_wire(json.loads(json.dumps(name_to_wire(name)))) == name


@pytest.mark.parametrize(
    ("name", "spelled"),
    [(b"plain", "plain"), ("ünï".encode(), "ünï"), (b"\xff", "\\xff"), (b"a\\b", "a\\\\b"), (b"a\nb", "a\nb")],
)
def test_a_name_is_spelled_so_that_a_person_can_read_it(name: bytes, spelled: str) -> None:
    assert name_to_wire(name) == spelled


def test_a_lone_backslash_that_somebody_types_is_one() -> None:
    assert name_from_wire("C:\\new\\x4") == b"C:\\new\\x4"


def test_a_listing_tells_of_each_file() -> None:
    info = FileInfo(name=b"l", type="symlink", size=3, mode=0o777, uid=1, gid=2, mtime_ns=1_500_000_000, target=b"a/b")
    assert listing_to_wire(Listing(True, (info,)), "/x") == {
        "path": "/x",
        "type": "directory",
        "entries": [
            {
                "name": "l",
                "type": "symlink",
                "size": 3,
                "mode": "0777",
                "uid": 1,
                "gid": 2,
                "mtime": "1970-01-01T00:00:01.500000Z",
                "target": "a/b",
            }
        ],
        "truncated": False,
    }
