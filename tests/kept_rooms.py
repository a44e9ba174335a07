"""Small images, facts and stores for the tests of kept snapshots."""

from __future__ import annotations

import os
import random
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from caddis.backups.keys import StoreKey
from caddis.backups.manifest import CHUNKS, Manifest, SnapshotFacts
from caddis.backups.objects import Objects
from caddis.backups.restoring import restore
from caddis.backups.store import KeptStore, StoredChunks

MIB = 1 << 20
SECRET = bytes(range(32))
VOLUME = "vol_0123456789abcdef"
NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)


def facts(number: int = 1, *, volume_id: str = VOLUME, wrapped_key: str | None = None) -> SnapshotFacts:
    return SnapshotFacts(
        id=f"vs_{number:016}",
        volume_id=volume_id,
        app="shop",
        volume_name="data",
        region="lhr",
        zone="lhr-1",
        size_gb=1,
        fstype="ext4",
        encryption="luks",
        created_at=NOW,
        retention_days=5,
        expires_at=NOW + timedelta(days=5),
        host="h1",
        wrapped_key=wrapped_key,
    )


def kept_store(objects: Objects, *, host: str = "h1", secret: bytes = SECRET) -> KeptStore:
    return KeptStore(objects, StoreKey(secret), host)


def noise(seed: int, size: int = MIB) -> bytes:
    return random.Random(seed).randbytes(size)


def write_image(path: Path, chunks: Iterable[bytes | None], *, size: int | None = None) -> Path:
    """A file of these chunks of 1 MiB, None being a hole; `size` bytes in all if given."""
    with open(path, "wb") as image:
        count = 0
        for count, chunk in enumerate(chunks, start=1):
            if chunk is not None:
                image.seek((count - 1) * MIB)
                image.write(chunk)
        image.truncate(count * MIB if size is None else size)
    return path


def restored(store: KeptStore, manifest: Manifest, target: Path, *, part: str = "image") -> bytes:
    """The bytes of a part, restored into a file that is made as large first if there is none."""
    fd = os.open(target, os.O_RDWR | os.O_CREAT)
    try:
        if os.fstat(fd).st_size < manifest.parts[part].size:
            os.ftruncate(fd, manifest.parts[part].size)
        restore(StoredChunks(store), manifest, fd, part=part)
    finally:
        os.close(fd)
    return target.read_bytes()


def chunk_objects(objects: Objects) -> list[str]:
    """The names of all chunks in a store."""
    return [stored.name for stored in objects.list_objects(CHUNKS)]
