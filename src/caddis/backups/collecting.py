"""Collecting: deleting the chunks that no manifest names."""

from __future__ import annotations

from dataclasses import dataclass

from caddis.backups.locks import collecting
from caddis.backups.manifest import CHUNKS
from caddis.backups.objects import Stored
from caddis.backups.store import KeptStore, get_manifest, list_kept
from caddis.backups.together import each
from caddis.domain.errors import Damaged, NotFound
from caddis.telemetry.log import note
from caddis.telemetry.seam import seam


@dataclass(frozen=True, slots=True)
class Collected:
    """What a collection saw and did; bytes as stored."""

    snapshots: int
    chunks_left: int
    chunks_deleted: int
    bytes_deleted: int


def collect(store: KeptStore) -> Collected:
    """Delete every chunk that no manifest names. Conflict while anything is being shipped.

    Damaged when a manifest cannot be read: nobody knows what it names, so nothing is deleted.
    """
    with collecting(store):
        seam("backups.collect/lock:after")
        named, snapshots = _list_named(store)
        left = deleted = freed = 0

        def sort_out(stored: Stored) -> bool:
            if bytes.fromhex(_chunk_of(stored)) in named:
                return False
            store.objects.delete(stored.name)
            seam("backups.collect/chunk:after delete")
            return True

        chunks = (stored for stored in store.objects.list_objects(CHUNKS) if len(_chunk_of(stored)) == 64)
        for stored, went in each(chunks, sort_out):
            left, deleted = left + (not went), deleted + went
            freed += stored.size if went else 0
    note("store collected", snapshots=snapshots, chunks_left=left, chunks_deleted=deleted, bytes_deleted=freed)
    return Collected(snapshots, left, deleted, freed)


def _list_named(store: KeptStore) -> tuple[set[bytes], int]:
    """Every chunk that a manifest names (as bytes: a third of the room), and how many manifests there are."""
    named: set[bytes] = set()
    count = 0
    for name in list_kept(store):
        try:
            manifest = get_manifest(store, name)
        except NotFound:
            continue  # forgotten meanwhile
        except Damaged as damaged:
            raise Damaged(
                f"nothing was collected: {damaged.message}",
                hint="ship that snapshot again, or forget it if it is lost; nothing is deleted until then",
            ) from None
        named |= {bytes.fromhex(chunk) for chunk in manifest.chunk_names()}
        count += 1
    return named, count


def _chunk_of(stored: Stored) -> str:
    return stored.name.rpartition("/")[2]
