"""Run inside the guest: counted writes to volumes of every kind, snapshots and extensions, until the power goes.

python3 writer.py nested|disk BLOCK_SIZE
"""

from __future__ import annotations

import mmap
import os
import random
import subprocess
import sys
import threading
import time
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from cases import new_volume
from matrix import run

from caddis.agent.operations.common import dump
from caddis.domain.snapshot import Snapshot, SnapshotStatus, origin_of
from caddis.domain.volume import EncryptionKind
from caddis.telemetry.seam import watch
from vm.inside.stage import DATA, KINDS, SNAPSHOTS, VOLUMES, Marks, Setting, Stage, open_stage, record

DEVICE = "/dev/vdd"
NOISE_BYTES = 4 << 20


class Writers:
    """Writes to every volume in turn: a record with fsync, one without (the control), and some noise around them."""

    def __init__(self, folders: dict[EncryptionKind, Path], marks: Marks) -> None:
        self._marks, self._chance = marks, random.Random(7)
        self._files = {kind: self._open(folder) for kind, folder in folders.items()}
        self._noise = mmap.mmap(-1, 16384)
        self._thread = threading.Thread(target=self._write, daemon=True)
        self.count = 0
        self._ending = False
        self._thread.start()

    def await_count(self, count: int) -> None:
        """Return when so many more rounds have been written."""
        until = self.count + count
        while self.count < until:
            assert self._thread.is_alive(), "the writer has ended"
            time.sleep(0.01)

    def end(self) -> None:
        self._ending = True
        self._thread.join()

    def _open(self, folder: Path) -> tuple[int, int, int]:
        kept, loose = (os.open(folder / name, os.O_WRONLY | os.O_CREAT, 0o600) for name in ("kept", "loose"))
        noise = os.open(folder / "noise", os.O_RDWR | os.O_CREAT | os.O_DIRECT, 0o600)
        page = mmap.mmap(-1, NOISE_BYTES)
        os.pwrite(noise, page, 0)
        os.fsync(noise)
        return kept, loose, noise

    def _write(self) -> None:
        while not self._ending:
            number = self.count + 1
            for kind, (kept, loose, noise) in self._files.items():
                self._noise[:] = self._chance.randbytes(len(self._noise))
                os.pwrite(noise, self._noise, self._chance.randrange(NOISE_BYTES // 16384) * 16384)
                os.write(loose, record(number))
                self._marks("loose", kind=kind, number=number)
                os.write(kept, record(number))
                os.fsync(kept)
                self._marks("kept", kind=kind, number=number)
            self.count = number


def main(pool: str, block_size: str) -> None:
    make = ("mkfs.ext4", "-q", "-F", "-N", "4096", "-E", "lazy_itable_init=0,lazy_journal_init=0,nodiscard")
    subprocess.run((*make, f"{DEVICE}1"), check=True)
    marks = Marks(DEVICE)
    stage = open_stage(DEVICE, Setting(pool, int(block_size)))
    subprocess.run(("sync", "-f", str(DATA)), check=True)
    with watch(lambda seam: marks("seam", name=seam)):
        for kind in KINDS:
            create(stage, kind)
            marks("created", kind=kind)
        volumes = {kind: stage.world.book.get_volume(VOLUMES[kind]) for kind in KINDS}
        writers = Writers({kind: Path(stage.world.volumes.mount(volume)) for kind, volume in volumes.items()}, marks)
        for kind in KINDS:
            writers.await_count(8)
            marks("snapshot begun", kind=kind)
            snap(stage, kind)
            marks("snapshot done", kind=kind)
            writers.await_count(4)
            marks("extension begun", kind=kind)
            extend(stage, kind)
            marks("extended", kind=kind)
        writers.await_count(12)
    writers.end()
    marks("end")
    print("rounds:", writers.count)


def create(stage: Stage, kind: EncryptionKind) -> None:
    """volume.create, as the agent's recipe does it."""
    volume = replace(new_volume(stage), id=VOLUMES[kind], encryption=kind)  # type: ignore[arg-type]
    inputs = {"volume": dump(volume), "capacity_bytes": stage.world.volumes.capacity_bytes()}
    run(stage, "volume.create/1", inputs, f"create:{volume.id}", volume.id)  # type: ignore[arg-type]


def snap(stage: Stage, kind: EncryptionKind) -> None:
    """snapshot.create, while the volume is written to."""
    volume, now = stage.world.book.get_volume(VOLUMES[kind]), stage.world.now()
    snapshot = Snapshot(
        id=SNAPSHOTS[kind],
        app=volume.app,
        volume_name=volume.name,
        region=volume.region,
        zone=volume.zone,
        origin=origin_of(volume),
        status=SnapshotStatus.WAITING,
        created_at=now,
        retention_days=5,
        due_at=now,
        expires_at=now + timedelta(days=5),
    )
    inputs = {
        "snapshot": {**dump(snapshot), "origin": None},
        "volume": volume.id,
        "bound_bytes": stage.world.volumes.snapshot_bound(volume.id),
        "capacity_bytes": stage.world.volumes.capacity_bytes(),
    }
    run(stage, "snapshot.create/1", inputs, f"snapshot:{snapshot.id}", volume.id)  # type: ignore[arg-type]


def extend(stage: Stage, kind: EncryptionKind) -> None:
    """volume.extend, and the file system in use after it, as the agent's order does it."""
    id, capacity = VOLUMES[kind], stage.world.volumes.capacity_bytes()
    inputs = {"id": id, "size_gb": 2, "old_size_gb": 1, "capacity_bytes": capacity}
    run(stage, "volume.extend/1", inputs, f"extend:{id}", id)  # type: ignore[arg-type]
    assert stage.world.volumes.grow(stage.world.book.get_volume(id)) is False, "it did not grow at once"


if __name__ == "__main__":
    main(*sys.argv[1:])
