"""Snapshots, forks, growing and keeping: what they take, and what whoever writes to the volume notices of them."""

from __future__ import annotations

import os
import sqlite3
import statistics
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from caddis.admin.measures.inout import mounted_at
from caddis.admin.measures.row import Row
from caddis.admin.measures.subject import APP, Subject
from caddis.client import snapshots, volumes
from caddis.domain.errors import TimedOut
from caddis.domain.sizes import MIB
from caddis.kernel.command import Command, find_program, run
from caddis.kernel.fiemap import count_extents

_PATIENCE = 120.0
_MANY_SNAPSHOTS = 10
_RANDOM = ("--rw=randwrite", "--bs=4k", "--iodepth=32", "--ioengine=libaio", "--direct=1", "--time_based")


@dataclass
class _Writer:
    """Writes 4 KiB with fdatasync without a pause, and remembers the longest time that one took, in seconds."""

    path: Path
    longest: float = 0.0
    _ended: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        fd = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            at = 0
            while not self._ended.is_set():
                begun = time.perf_counter()
                os.pwrite(fd, bytes(4096), at % (8 * MIB))
                os.fdatasync(fd)
                self.longest = max(self.longest, time.perf_counter() - begun)
                at += 4096
        finally:
            os.close(fd)

    @contextmanager
    def at_work(self) -> Iterator[_Writer]:
        """For the length of the block, after a moment in which the disk has got used to it."""
        thread = threading.Thread(target=self.run)
        thread.start()
        try:
            time.sleep(0.3)
            self.longest = 0.0
            yield self
        finally:
            self._ended.set()
            thread.join()


def measure(subject: Subject) -> list[Row]:
    """A row for each state of a volume in which a snapshot is taken, and for what else copies do."""
    volume = subject.create_volume("snapped", encrypted=False)
    machine = subject.create_machine(volume)
    place = mounted_at(volume)
    rows = _stall(subject, volume, place, "fresh volume", target=0.060)
    _database(place)
    rows += _stall(subject, volume, place, "after a database's load", target=0.350)
    if find_program("fio"):
        base = _random_writes(place, 2)
        for _ in range(3):
            _snapshot(subject, volume)
            _random_writes(place, 3)
        rows += _stall(subject, volume, place, "random writes over all of it", target=1.2)
        rows.append(_after_a_snapshot(place, base))
    for _ in range(_MANY_SNAPSHOTS):
        _snapshot(subject, volume)
    rows += _stall(subject, volume, place, f"with {_MANY_SNAPSHOTS} older ones", target=1.2)
    rows += [_fork(subject, volume), _extend(subject, volume)]
    _snapshot(subject, volume)
    if find_program("fio"):
        _random_writes(place, 1)
    _snapshot(subject, volume)
    rows += _keeping(subject, volume)
    subject.destroy_machine(machine)
    return rows


def _snapshot(subject: Subject, volume: str) -> float:
    """Take one; seconds until it is created."""
    begun = time.perf_counter()
    id = subject.client.send(snapshots.create_snapshot(APP, volume))["id"]
    while time.perf_counter() - begun < _PATIENCE:
        found = next(one for one in subject.client.send(snapshots.list_snapshots(APP, volume)) if one["id"] == id)
        if found["status"] == "created":
            return time.perf_counter() - begun
        time.sleep(0.005)
    raise TimedOut(f"snapshot {id} was not there after {_PATIENCE:g} s")


def _stall(subject: Subject, volume: str, place: Path, state: str, *, target: float) -> list[Row]:
    with _Writer(place / "bench.writer").at_work() as writer:
        idle = _longest_without(writer)
        took = _snapshot(subject, volume)
        stall = writer.longest
    return [
        Row(
            name=f"snapshot, {state} ({_extents(subject, volume)} extents): longest write",
            unit="ms",
            caddis=stall * 1000,
            beside={"without one": idle * 1000},
            target=f"<= {target * 1000:g} ms",
            met=stall <= target,
        ),
        Row(name=f"snapshot, {state}: until it is created", unit="ms", caddis=took * 1000),
    ]


def _longest_without(writer: _Writer) -> float:
    time.sleep(0.5)
    idle, writer.longest = writer.longest, 0.0
    return idle


def _extents(subject: Subject, volume: str) -> int:
    with open(_image(subject, volume), "rb") as image:
        return count_extents(image.fileno())


def _image(subject: Subject, volume: str) -> Path:
    """The volume's image, wherever this installation's pool is mounted."""
    instance = (subject.installation.data / "instance").read_text().strip()
    return next(Path("/run/caddis", instance).glob(f"*/pool/volumes/{volume}.img"))


def _database(place: Path) -> None:
    book = sqlite3.connect(place / "bench.sqlite", isolation_level=None)
    try:
        book.execute("PRAGMA journal_mode=WAL")
        book.execute("CREATE TABLE entry (number INTEGER PRIMARY KEY, text TEXT)")
        end = time.perf_counter() + 3
        while time.perf_counter() < end:
            book.execute("BEGIN")
            book.executemany("INSERT INTO entry (text) VALUES (?)", (("x" * 500,) for _ in range(50)))
            book.execute("COMMIT")
    finally:
        book.close()


def _random_writes(place: Path, seconds: int) -> float:
    import json

    words = [f"--filename={place / 'bench.random'}", "--size=600m", f"--runtime={seconds}", "--norandommap"]
    command = Command(argv=("fio", "--name=caddis", *words, *_RANDOM, "--output-format=json"), deadline=120)
    said = run(command).text
    return float(json.loads(said[said.index("{") :])["jobs"][0]["write"]["iops"])


def _after_a_snapshot(place: Path, base: float) -> Row:
    after = _random_writes(place, 2)
    return Row(
        name="random write 4 KiB, right after a snapshot",
        unit="iops",
        caddis=after,
        beside={"before any": base},
        target=">= 0.25 x before",
        met=after >= 0.25 * base,
    )


def _fork(subject: Subject, volume: str) -> Row:
    taken = []
    for _ in range(3):
        begun = time.perf_counter()
        fork = subject.create_volume("forked", source_volume_id=volume)
        taken.append(time.perf_counter() - begun)
        subject.client.send(volumes.destroy_volume(APP, fork, erase=True))
    return Row(name="fork a volume in use, same host", unit="ms", caddis=statistics.median(taken) * 1000)


def _extend(subject: Subject, volume: str) -> Row:
    begun = time.perf_counter()
    subject.client.send(volumes.extend_volume(APP, volume, 2))
    return Row(name="extend a volume in use by 1 GB", unit="ms", caddis=(time.perf_counter() - begun) * 1000)


def _keeping(subject: Subject, volume: str) -> list[Row]:
    """The same image to a folder on the same disk: by us, and by restic where it is."""
    taken = subject.client.send(snapshots.list_snapshots(APP, volume))
    folder = _image(subject, volume).parents[1] / "snapshots"
    first, second = (folder / f"{taken[at]['id']}.img" for at in (-2, -1))
    with tempfile.TemporaryDirectory(prefix="caddis-bench-keep-", dir=subject.installation.data.parent) as name:
        ours, theirs = _ours(Path(name), first, second), _restic(Path(name), first, second)
    names = ("ship a snapshot for the first time", "ship the next one, told what changed", "restore a kept one")
    return [
        Row(
            name=name,
            unit="MB/s",
            caddis=mine,
            beside={"restic": other} if other else {},
            target=">= 1 x restic" if other else "",
            met=mine >= other if other else None,
        )
        for name, mine, other in zip(names, ours, theirs, strict=True)
    ]


def _ours(place: Path, first: Path, second: Path) -> list[float]:
    from datetime import UTC, datetime

    from caddis.backups.manifest import SnapshotFacts
    from caddis.backups.opening import StoreChoice, open_kept_store
    from caddis.backups.restoring import restore
    from caddis.backups.shipping import ship
    from caddis.backups.store import StoredChunks
    from caddis.kernel.fiemap import changes, list_extents

    store = open_kept_store(
        StoreChoice(url=f"file://{place}/kept"), key=place / "store.key", host="bench", may_create=True
    )
    common: dict[str, Any] = {"volume_id": "vol_0000000000000000", "app": APP, "volume_name": "x", "region": "lhr"}
    common |= {"zone": "z", "size_gb": 1, "fstype": "ext4", "encryption": "none", "created_at": datetime.now(UTC)}
    common |= {"retention_days": 1, "expires_at": None, "host": "bench"}
    size = _written(second)
    begun = time.perf_counter()
    base = ship(store, SnapshotFacts(id="vs_0000000000000000", **common), parts={"image": first})
    shipped = time.perf_counter()
    with first.open("rb") as old, second.open("rb") as new:
        found = changes(list_extents(old.fileno()), list_extents(new.fileno()))
        changed = [(change.offset, change.length) for change in found]
    facts = SnapshotFacts(id="vs_1111111111111111", **common)
    manifest = ship(store, facts, parts={"image": second}, base=base, changed=changed)
    again = time.perf_counter()
    target = place / "restored.img"
    with target.open("w+b") as file:
        os.posix_fallocate(file.fileno(), 0, second.stat().st_size)
        middle = time.perf_counter()
        restore(StoredChunks(store), manifest, file.fileno())
    return [size / (shipped - begun), size / (again - shipped), size / (time.perf_counter() - middle)]


def _written(image: Path) -> float:
    """MB (10**6) that are not holes: what a shipper has to read."""
    return image.stat().st_blocks * 512 / 1e6


def _restic(place: Path, first: Path, second: Path) -> list[float]:
    if find_program("restic") is None:
        return [0.0, 0.0, 0.0]
    env = {"RESTIC_PASSWORD": "bench", "RESTIC_REPOSITORY": str(place / "restic"), "RESTIC_CACHE_DIR": str(place / "c")}
    copy = place / "image.img"  # under one name, so that restic knows what it compares with

    def restic(*words: str) -> float:
        begun = time.perf_counter()
        run(Command(argv=("restic", "--quiet", *words), env=env, deadline=600))
        return time.perf_counter() - begun

    restic("init")
    size, taken = _written(second), []
    for image in (first, second):
        run(Command(argv=("cp", "--sparse=always", str(image), str(copy)), deadline=300))
        taken.append(restic("backup", str(copy)))
    taken.append(restic("restore", "latest", "--target", str(place / "back")))
    return [size / seconds for seconds in taken]
