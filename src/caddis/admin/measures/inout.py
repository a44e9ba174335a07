"""Reading and writing on a machine's volume against a plain file on the same disk, in turns, because disks drift."""

from __future__ import annotations

import json
import sqlite3
import statistics
import time
from collections.abc import Callable
from pathlib import Path

from caddis.admin.measures.row import Row
from caddis.admin.measures.subject import APP, Subject
from caddis.client import volumes
from caddis.kernel.command import Command, find_program, run

_ROUNDS = 3
_SECONDS = 2
_FILE_SIZE = "256m"
_JOBS = {  # name: fio's words, the figure to take, its unit, the least ratio to raw
    "random write 4 KiB, depth 32": (("--rw=randwrite", "--bs=4k", "--iodepth=32"), "write", "iops", 0.6),
    "random read 4 KiB, depth 32": (("--rw=randread", "--bs=4k", "--iodepth=32"), "read", "iops", 0.65),
    "sequential write 1 MiB": (("--rw=write", "--bs=1m", "--iodepth=8"), "write", "MB/s", 0.85),
    "sequential read 1 MiB": (("--rw=read", "--bs=1m", "--iodepth=8"), "read", "MB/s", 0.85),
    "write 4 KiB + fdatasync": (("--rw=randwrite", "--bs=4k", "--iodepth=1", "--fdatasync=1"), "write", "iops", 0.5),
}
_SQLITE_LEAST = 0.45


def measure(subject: Subject) -> list[Row]:
    """A row for each kind of access; nothing where there is no fio."""
    if find_program("fio") is None:
        return []
    plain, encrypted = subject.create_volume("plain", encrypted=False), subject.create_volume("secret", encrypted=True)
    held = [subject.create_machine(volume) for volume in (plain, encrypted)]
    raw = subject.installation.data.parent
    places = {"raw": raw, "caddis": mounted_at(plain), "encrypted": mounted_at(encrypted)}
    rows = [_fio_row(name, places) for name in _JOBS]
    rows.append(_compare("SQLite commit, synchronous=FULL", _sqlite, places, unit="commits/s", least=_SQLITE_LEAST))
    for machine in held:
        subject.destroy_machine(machine)
    for volume in (plain, encrypted):
        subject.client.send(volumes.destroy_volume(APP, volume))
    return rows


def mounted_at(volume: str) -> Path:
    """Where the host has it mounted while a machine uses it: the very file system that the machine sees as /data."""
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        place = line.split()[4]
        if place.endswith(f"/volumes/{volume}"):
            return Path(place) / "root"  # what is above it is neither the machine's nor encrypted
    raise FileNotFoundError(f"volume {volume} is not mounted")


def _fio_row(name: str, places: dict[str, Path]) -> Row:
    words, side, unit, least = _JOBS[name]
    return _compare(name, lambda place: _fio(place, words, side, unit), places, unit=unit, least=least)


def _compare(
    name: str, measure_at: Callable[[Path], float], places: dict[str, Path], *, unit: str, least: float
) -> Row:
    seen: dict[str, list[float]] = {place: [] for place in places}
    for place in places.values():
        measure_at(place)  # lays the file out; the first touch of a block is not what is asked for
    for _ in range(_ROUNDS):
        for label, place in places.items():
            seen[label].append(measure_at(place))
    medians = {label: statistics.median(values) for label, values in seen.items()}
    ratio = medians["caddis"] / medians["raw"]
    return Row(
        name=name,
        unit=unit,
        caddis=medians["caddis"],
        beside={"raw": medians["raw"], "encrypted": medians["encrypted"]},
        target=f">= {least} x raw",
        met=ratio >= least,
    )


def _fio(place: Path, words: tuple[str, ...], side: str, unit: str) -> float:
    engine = "psync" if "--fdatasync=1" in words else "libaio"
    argv = ["fio", "--name=caddis", f"--filename={place / 'bench.fio'}", f"--size={_FILE_SIZE}", *words]
    argv += [f"--ioengine={engine}", "--direct=1", "--time_based", f"--runtime={_SECONDS}", "--output-format=json"]
    said = run(Command(argv=(*argv, "--norandommap", "--randrepeat=0"), deadline=120)).text
    job = json.loads(said[said.index("{") :])["jobs"][0][side]
    return float(job["iops"]) if unit == "iops" else float(job["bw_bytes"]) / 1e6


def _sqlite(place: Path) -> float:
    path = place / "bench.sqlite"
    path.unlink(missing_ok=True)
    connection = sqlite3.connect(path, isolation_level=None)
    try:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("CREATE TABLE entry (text TEXT)")
        count, begun = 0, time.perf_counter()
        while (passed := time.perf_counter() - begun) < _SECONDS:
            connection.execute("INSERT INTO entry VALUES (?)", ("x" * 100,))
            count += 1
        return count / passed
    finally:
        connection.close()
