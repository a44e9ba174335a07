"""The log of block writes: what is read from it, and what a power cut leaves of a disk."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from pathlib import Path

from vm.blocklog import DISCARD, FLUSH, SECTOR, Replay, choose_cut, last_flush, read_entries

SUPER = struct.pack("<QQQI", 0x6A736677736872, 1, 0, SECTOR).ljust(SECTOR, b"\0")


def write_log(path: Path, requests: Sequence[tuple[int, bytes] | str], torn: bytes = b"") -> Path:
    """A log of writes (sector, byte to fill it with) and of "flush" and "discard"."""
    body = bytearray(SUPER)
    for request in requests:
        if request == "flush":
            body += struct.pack("<QQQQ", 0, 0, FLUSH, 0).ljust(SECTOR, b"\0")
        elif request == "discard":
            body += struct.pack("<QQQQ", 0, 8, DISCARD, 0).ljust(SECTOR, b"\0")
        else:
            assert not isinstance(request, str)
            sector, fill = request
            body += struct.pack("<QQQQ", sector, 1, 0, 0).ljust(SECTOR, b"\0") + fill * SECTOR
    path.write_bytes(body + torn)
    return path


def build(log: Path, at: int, seed: int = 0, **how: int) -> tuple[str, int]:
    """The first letters of the disk's first four sectors after a cut, and how many writes it dropped."""
    entries = read_entries(log)
    base, target = log.with_name("base"), log.with_name("target")
    base.write_bytes(b"." * 4 * SECTOR)
    cut = choose_cut(entries, at, seed, **how)
    Replay(log, entries, base).build(cut, target)
    content = target.read_bytes()
    return "".join(chr(content[number * SECTOR]) for number in range(4)), cut.dropped


def test_a_log_is_read_to_its_last_whole_request(tmp_path: Path) -> None:
    torn = struct.pack("<QQQQ", 0, 1, 0, 0).ljust(SECTOR, b"\0") + b"half"
    log = write_log(tmp_path / "log", [(0, b"a"), "flush", "discard", (1, b"b")], torn)
    entries = read_entries(log)
    kinds = [(entry.is_write, entry.is_flush, entry.is_discard) for entry in entries]
    assert kinds == [(True, False, False), (False, True, False), (False, False, True), (True, False, False)]


def test_what_was_flushed_survives_every_cut(tmp_path: Path) -> None:
    log = write_log(tmp_path / "log", [(0, b"a"), (1, b"b"), "flush", (2, b"c"), (3, b"d")])
    for seed in range(30):
        assert build(log, 5, seed)[0].startswith("ab")


def test_what_was_not_flushed_survives_by_chance(tmp_path: Path) -> None:
    log = write_log(tmp_path / "log", [(0, b"a"), "flush", (1, b"b"), (2, b"c"), (3, b"d")])
    seen = {build(log, 5, seed) for seed in range(60)}
    assert {("a...", 3), ("ab..", 2), ("a.cd", 1)} <= seen
    assert {dropped for disk, dropped in seen if disk.count(".") != dropped} == set()


def test_nothing_after_the_cut_is_there(tmp_path: Path) -> None:
    log = write_log(tmp_path / "log", [(0, b"a"), "flush", (1, b"b"), "flush", (2, b"c")])
    assert {build(log, 2, seed)[0] for seed in range(10)} == {"a..."}
    assert last_flush(read_entries(log), 1) == 0


def test_a_disk_that_lies_may_lose_what_it_said_was_safe(tmp_path: Path) -> None:
    log = write_log(tmp_path / "log", [(0, b"a"), "flush", (1, b"b"), "flush"])
    assert {build(log, 4, seed, flushed=0)[0] for seed in range(60)} > {"....", ".b.."}


def test_several_cuts_of_one_log_do_not_see_one_another(tmp_path: Path) -> None:
    log = write_log(tmp_path / "log", [(0, b"a"), "flush", (0, b"b"), (1, b"b"), "flush", (0, b"c"), "flush"])
    entries, base = read_entries(log), tmp_path / "base"
    base.write_bytes(b"." * 4 * SECTOR)
    replay, found = Replay(log, entries, base), []
    for at in (3, 4, 5, 7):
        cut = choose_cut(entries, at, seed=4)
        replay.build(cut, tmp_path / "target")
        content = (tmp_path / "target").read_bytes()
        found.append((content[:1], content[SECTOR : SECTOR + 1]))
    assert found[0][0] in (b"a", b"b") and found[0][1] == b"."
    assert found[2:] == [(b"b", b"b"), (b"c", b"b")]
