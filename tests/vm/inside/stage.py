"""What the writer and the checker inside the guest share: the disk's partitions, the agent's opening, the records.

The disk has three partitions: one is the computer's ext4 with the data folder, one is for a pool on a disk, and into
the last go marks: what has been done so far. Marks are written without the page cache and without a flush, so that
each stands in the log of block writes between what came before it and what came after, and makes nothing safe.
"""

from __future__ import annotations

import hashlib
import json
import mmap
import os
import subprocess
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from matrix import journal_of

from caddis.agent.open_world import OpenWorld, open_world
from caddis.agent.options import Options
from caddis.agent.world import World
from caddis.domain.sizes import GIB
from caddis.domain.volume import EncryptionKind
from caddis.kernel import mount

DATA = Path("/srv/work")
KINDS = (EncryptionKind.LUKS, EncryptionKind.FSCRYPT, EncryptionKind.NONE)
VOLUMES = {kind: f"vol_{number}123456789abcdef" for number, kind in enumerate(KINDS)}
SNAPSHOTS = {kind: f"vs_{number}123456789abcdef" for number, kind in enumerate(KINDS)}
POOL_BYTES = 12 * GIB
RECORD = 512


@dataclass(frozen=True)
class Setting:
    """Where the pool lies, and how large its blocks are."""

    pool: str  # "nested" or "disk"
    block_size: int


@dataclass(frozen=True)
class Stage:
    """As much of the crash matrix's stage as its `run` needs."""

    opened: OpenWorld

    @property
    def world(self) -> World:
        return self.opened.world


def open_stage(device: str, setting: Setting) -> Stage:
    """As an agent does when its computer has started: mount the disk, open book and pool."""
    mount.mount(f"{device}1", DATA, "ext4")
    if not (DATA / "instance").exists():
        (DATA / "instance").write_text("cafe0001")
    options = Options(
        data=DATA,
        host="h1",
        region="lhr",
        zone="a1f0",
        api="",
        token_file=DATA / "token",
        pool=f"{device}2" if setting.pool == "disk" else None,
        pool_size=POOL_BYTES,
        format_pool=True,
        pool_block_size=setting.block_size,
        down=False,
        verbose=False,
    )
    return Stage(open_world(options))


def recover(stage: Stage) -> None:
    """What a new agent does with the work that was under way."""
    journal = journal_of(stage)  # type: ignore[arg-type]
    journal.unstick()
    for entry in journal.list_open():
        journal.walk(entry.id, stage.world)


class Marks:
    """Writes marks to the last partition, one sector each."""

    def __init__(self, device: str) -> None:
        self._fd = os.open(f"{device}3", os.O_WRONLY | os.O_DIRECT | os.O_CLOEXEC)
        self._page = mmap.mmap(-1, 4096)
        self._lock = threading.Lock()
        self._next = 0

    def __call__(self, what: str, **facts: Any) -> None:
        text = json.dumps({"what": what, **facts}).encode()
        assert len(text) <= RECORD
        with self._lock:
            self._page[:RECORD] = text.ljust(RECORD, b"\0")
            os.pwrite(self._fd, memoryview(self._page)[:RECORD], self._next * RECORD)
            self._next += 1


def record(number: int) -> bytes:
    """The counted record: its number, and a digest that fills the rest."""
    head = f"{number:08}:".encode()
    return (head + hashlib.sha512(head).hexdigest().encode()).ljust(RECORD, b".")


def count_records(path: Path) -> int:
    """How many records stand there, one after the other and each as it was written."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return 0
    count = 0
    while content[count * RECORD : (count + 1) * RECORD] == record(count + 1):
        count += 1
    return count


def complain(*argv: str) -> list[str]:
    """What a checking program has against a file system; nothing when it is clean."""
    done = subprocess.run(argv, capture_output=True, text=True)
    return [] if done.returncode == 0 else [f"{' '.join(argv)}: {done.returncode}\n{done.stdout}{done.stderr}"[-2000:]]
