"""Snapshots of a volume that is written to all the while, and of an agent that dies with the volume frozen."""

from __future__ import annotations

import contextlib
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from caddis.domain.errors import Problem
from caddis.domain.snapshot import origin_of
from caddis.domain.volume import FileSystemKind
from caddis.kernel import freeze, libc
from caddis.kernel.fiemap import count_extents
from caddis.telemetry.seam import watch
from caddis.volumes import instant
from contracts.volumes_contract import copy_of, create
from real_store import RealHost, temporary_host

pytestmark = pytest.mark.host

SNAPSHOTS = 50
PUNCH_HOLE = 0x03  # FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE
# Writes records of 4 KiB at random places of a file, each synced, and tells the number of each once it is on disk.
WRITER = """
import os, random, struct, sys
fd = os.open(sys.argv[1], os.O_RDWR | os.O_CREAT, 0o644)
chance, number = random.Random(7), 0
while True:
    number += 1
    os.pwrite(fd, struct.pack("<Q", number) * 512, chance.randrange(2000) * 4096)
    os.pwrite(fd, struct.pack("<Q", number), 4096 * 2000)
    os.fdatasync(fd)
    os.write(1, b"%d\\n" % number)
"""
SQLITE = """
import os, sqlite3, sys
book = sqlite3.connect(sys.argv[1], isolation_level=None)
book.execute("PRAGMA journal_mode=WAL")
book.execute("PRAGMA synchronous=FULL")
book.execute("CREATE TABLE IF NOT EXISTS entry (number INTEGER PRIMARY KEY, filling TEXT)")
number = 0
while True:
    number += 1
    book.execute("INSERT INTO entry VALUES (?, ?)", (number, "x" * 300))
    os.write(1, b"%d\\n" % number)
"""


@pytest.fixture
def host() -> Iterator[RealHost]:
    with temporary_host() as real:
        real.open()
        yield real
        for path in (real.run / "pool" / "volumes").glob("*.img"):
            real.store.unmount(path.stem)
            real.store.erase(path.stem)
        for path in (real.run / "pool" / "snapshots").glob("*.img"):
            real.store.erase_snapshot(path.stem)
        assert real.leftovers() == []


@dataclass
class Load:
    """A program that writes, and the last number of which it said that it is on disk."""

    acknowledged: int = 0


@contextlib.contextmanager
def load(code: str, path: Path) -> Iterator[Load]:
    child = subprocess.Popen([sys.executable, "-c", code, str(path)], stdout=subprocess.PIPE, text=True)
    told = Load()

    def listen() -> None:
        assert child.stdout is not None
        for line in child.stdout:
            told.acknowledged = int(line)

    listener = threading.Thread(target=listen)
    listener.start()
    try:
        wait_for(told, 20)
        yield told
    finally:
        child.kill()
        child.wait()
        listener.join()
        assert child.stdout is not None
        child.stdout.close()


def wait_for(told: Load, more: int) -> None:
    until, end = told.acknowledged + more, time.monotonic() + 30
    while told.acknowledged < until:
        assert time.monotonic() < end, "nothing is written any more"
        time.sleep(0.002)


def snapshot_id(number: int) -> str:
    return f"vs_{number:016}"


@pytest.mark.parametrize(("phases", "encrypted"), [(1, False), (1, True), (2, False), (2, True)])
def test_a_snapshot_has_every_write_acknowledged_before_it(
    host: RealHost, monkeypatch: pytest.MonkeyPatch, phases: int, encrypted: bool
) -> None:
    if phases == 2:
        monkeypatch.setattr(instant, "MANY_EXTENTS", 0)
        monkeypatch.setattr(instant, "_STEP", 4 << 20)
    volume = create(host.store, encrypted=encrypted)
    folder = Path(host.store.mount(volume))
    before: list[int] = []
    with load(WRITER, folder / "records") as told:
        for number in range(5):
            before.append(told.acknowledged)
            host.store.take_snapshot(origin_of(volume), snapshot_id(number))
            wait_for(told, 20)
    for number, acknowledged in enumerate(before):
        copy = copy_of(host.store, volume, snapshot_id=snapshot_id(number))
        content = (Path(host.store.mount(copy)) / "records").read_bytes()
        records = [int.from_bytes(content[at : at + 8], "little") for at in range(0, 4096 * 2000, 4096)]
        last = int.from_bytes(content[4096 * 2000 : 4096 * 2000 + 8], "little")
        assert acknowledged <= last
        assert last <= max(records) + 1, "what was written later is there, and what was written before is not"
        host.store.unmount(copy.id)
        host.store.erase(copy.id)


def test_two_phases_copy_what_was_written_and_punched_in_between(
    host: RealHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    volume = create(host.store)
    folder = Path(host.store.mount(volume))
    with load(WRITER, folder / "records") as told:
        wait_for(told, 300)
    host.store.take_snapshot(origin_of(volume), snapshot_id(1))  # so that what follows lies in many extents
    with load(WRITER, folder / "records") as told:
        wait_for(told, 100)
    host.store.unmount(volume.id)
    image = host.image(volume.id)

    def change(seam: str) -> None:
        if seam == "volumes.snapshot:first phase":
            with image.open("r+b") as file:
                for at in (4096, 300 << 20, (1 << 30) - 4096):
                    os.pwrite(file.fileno(), b"changed" * 500, at)
                libc.fallocate(file.fileno(), PUNCH_HOLE, 64 << 20, 8 << 20)
                os.fsync(file.fileno())

    monkeypatch.setattr(instant, "MANY_EXTENTS", 0)
    with watch(change):
        name = f"snapshots/{snapshot_id(2)}"
        host.store.pool.snapshot(f"volumes/{volume.id}", name, still=contextlib.nullcontext)
    copy = host.run / "pool" / f"{name}.img"
    assert subprocess.run(["cmp", image, copy]).returncode == 0
    with image.open("rb") as file:
        assert count_extents(file.fileno()) > 10


def test_sqlite_commits_through_fifty_snapshots_and_loses_none_that_was_acknowledged(host: RealHost) -> None:
    volume = create(host.store)
    folder = Path(host.store.mount(volume))
    before: list[int] = []
    with load(SQLITE, folder / "app.db") as told:
        for number in range(SNAPSHOTS):
            before.append(told.acknowledged)
            host.store.take_snapshot(origin_of(volume), snapshot_id(number))
            wait_for(told, 3)
    for number, acknowledged in enumerate(before):
        copy = copy_of(host.store, volume, snapshot_id=snapshot_id(number))
        with contextlib.closing(sqlite3.connect(Path(host.store.mount(copy)) / "app.db")) as book:
            assert book.execute("PRAGMA integrity_check").fetchone() == ("ok",)
            numbers = [row[0] for row in book.execute("SELECT number FROM entry ORDER BY number")]
        assert numbers == list(range(1, len(numbers) + 1)) and len(numbers) >= acknowledged
        host.store.unmount(copy.id)
        host.store.erase(copy.id)
        host.store.erase_snapshot(snapshot_id(number))


def test_an_agent_that_dies_with_a_volume_frozen_leaves_it_thawed(host: RealHost) -> None:
    volume = create(host.store)
    folder = Path(host.store.mount(volume))
    host.extra = (volume, snapshot_id(1))
    script = (
        "from caddis.domain.snapshot import origin_of\nvolume, id = extra\nstore.take_snapshot(origin_of(volume), id)\n"
    )
    for seam in ("volumes.snapshot:frozen", "volumes.snapshot:after clone", "volumes.snapshot:after publish"):
        host.die_at(seam, script)
        with load(WRITER, folder / "records") as told:
            wait_for(told, 5)
        host.store.take_snapshot(origin_of(volume), snapshot_id(1))
        assert not list((host.run / "pool" / "snapshots").glob("*.new*"))
        host.store.erase_snapshot(snapshot_id(1))


def test_even_when_the_freezer_dies_too_the_next_snapshot_thaws(host: RealHost) -> None:
    volume = create(host.store)
    folder = Path(host.store.mount(volume))
    program = [sys.executable, "-I", "-S", freeze.__file__, str(folder.parent), "60"]
    with subprocess.Popen(program, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as freezer:
        assert freezer.stdin is not None and freezer.stdout is not None
        freezer.stdin.write(b"freeze\n")
        freezer.stdin.flush()
        assert freezer.stdout.readline() == b"frozen\n"
        freezer.send_signal(signal.SIGKILL)
    host.store.take_snapshot(origin_of(volume), snapshot_id(1))
    with load(WRITER, folder / "records") as told:
        wait_for(told, 5)


def test_a_snapshot_that_takes_too_long_fails_and_leaves_nothing(
    host: RealHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    from caddis.volumes import snapshotting

    volume = create(host.store)
    folder = Path(host.store.mount(volume))
    monkeypatch.setattr(snapshotting, "_FROZEN_SECONDS", 0.0)
    with pytest.raises(Problem, match="thawed before its copy was whole: it took too long"):
        host.store.take_snapshot(origin_of(volume), snapshot_id(1))
    host.store.erase_snapshot(snapshot_id(1))
    with load(WRITER, folder / "records") as told:
        wait_for(told, 5)


def test_a_raw_volume_is_copied_in_one_step(host: RealHost, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(instant, "MANY_EXTENTS", 0)
    volume = create(host.store, fstype=FileSystemKind.RAW)
    device = host.store.mount(volume)
    fd = os.open(device, os.O_WRONLY)
    os.pwrite(fd, b"first" * 1000, 0)
    os.fsync(fd)
    host.store.take_snapshot(origin_of(volume), snapshot_id(1))
    os.pwrite(fd, b"other" * 1000, 0)
    os.fsync(fd)
    os.close(fd)
    copy = copy_of(host.store, volume, snapshot_id=snapshot_id(1))
    with open(host.store.mount(copy), "rb") as copied:
        assert copied.read(5000) == b"first" * 1000
