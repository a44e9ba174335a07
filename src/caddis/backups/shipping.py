"""Shipping a snapshot: its chunks first, each read back; its manifest last. May be called again after any death."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from pathlib import Path

from caddis.backups.image import OnProgress, Ranges, draft_part, walk
from caddis.backups.locks import shipping
from caddis.backups.manifest import Manifest, SnapshotFacts, chunk_object
from caddis.backups.store import KeptName, KeptStore, find_manifest, put_manifest
from caddis.backups.together import find_present
from caddis.domain.errors import Damaged, Invalid
from caddis.telemetry.log import note
from caddis.telemetry.seam import seam

IMAGE = "image"  # the part that `base` and `changed` speak of


def ship(
    store: KeptStore,
    about: SnapshotFacts,
    *,
    parts: Mapping[str, Path],
    base: Manifest | None = None,
    changed: Ranges | None = None,
    on_progress: OnProgress | None = None,
) -> Manifest:
    """Ensure the snapshot is kept; its manifest. `parts` are files that nobody changes: "image", and what goes with it.

    `base` is the manifest of an earlier kept snapshot of the volume; `changed` are the byte ranges of the image that
    may differ from it (a superset is harmless, less loses data). What was sent before a death is not sent again.
    Conflict while the store is being collected; StoreFailed or Unreachable when the store cannot take it.
    """
    name = KeptName(about.volume_id, about.id)
    if IMAGE not in parts:
        raise Invalid(f"snapshot {about.id} has no part {IMAGE!r}")
    if (kept := _find_whole(store, name)) is not None:
        return kept
    with shipping(store, about.id):
        seam("backups.ship/lock:after")
        inherited = base.chunk_names() if base is not None else set()
        sender = _Sender(store, find_present(store.objects, inherited))
        if sender.known != inherited:
            note("the store lost chunks of the base: reading all", base=base and base.about.id)
            changed = None
        drafts = {
            part: draft_part(path, base=base.parts.get(part), changed=changed)
            if base is not None and part == IMAGE
            else draft_part(path)
            for part, path in parts.items()
        }
        walk(drafts.values(), sender.send, on_progress)
        finished = {part: draft.finished() for part, draft in drafts.items()}
        manifest = Manifest(about=about, parts=finished, stored_bytes=sender.stored_bytes)
        seam("backups.ship/manifest:before")
        put_manifest(store, manifest)
        seam("backups.ship/manifest:after")
    note("snapshot kept", snapshot=about.id, volume=about.volume_id, stored_bytes=manifest.stored_bytes)
    return manifest


class _Sender:
    """Puts chunks that the store has not, and reads back every one that the base did not have."""

    def __init__(self, store: KeptStore, known: set[str]) -> None:
        self.known = known
        self.stored_bytes = 0
        self._store = store
        self._claimed: set[str] = set()
        self._lock = threading.Lock()

    def send(self, plain: bytes) -> str:
        """Ensure the chunk is in the store, readable; its name. Damaged when the store gives back something else."""
        keys, objects = self._store.keys, self._store.objects
        name = keys.name_chunk(plain)
        if name in self.known:
            return name
        with self._lock:
            if name in self._claimed:
                return name  # another thread sees to it; if it fails, everything does
            self._claimed.add(name)
        place = chunk_object(name)
        size = self._read_back(name) if objects.exists(place) else None
        if size is None:
            objects.put(place, keys.seal_chunk(name, plain))
            seam("backups.ship/chunk:after put")
            size = self._read_back(name)
        if size is None:
            raise Damaged(f"the store {objects.where} gave back chunk {name} otherwise than it was written")
        with self._lock:
            self.stored_bytes += size
        seam("backups.ship/chunk:after read back")
        return name

    def _read_back(self, name: str) -> int | None:
        """Bytes that it takes in the store; None when it is missing or damaged there."""
        sealed = self._store.objects.find(chunk_object(name))
        if sealed is None:
            return None
        try:
            self._store.keys.open_chunk(name, sealed)
        except Damaged:
            return None
        return len(sealed)


def _find_whole(store: KeptStore, name: KeptName) -> Manifest | None:
    """A manifest that is damaged is written anew: the image is still here."""
    try:
        return find_manifest(store, name)
    except Damaged as damaged:
        note("shipping again", reason=damaged.message)
        return None
