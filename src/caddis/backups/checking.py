"""Verifying a store: every manifest is opened, every chunk that one names is read and hashed."""

from __future__ import annotations

from dataclasses import dataclass

from caddis.backups.image import OnProgress
from caddis.backups.manifest import CHUNKS, Manifest
from caddis.backups.store import KeptName, KeptStore, StoredChunks, find_manifest, list_kept
from caddis.backups.together import each
from caddis.domain.errors import Damaged
from caddis.telemetry.log import note


@dataclass(frozen=True, slots=True)
class Fault:
    """A manifest or chunk that is missing or damaged, and the snapshots that cannot be restored because of it."""

    sentence: str
    snapshots: tuple[KeptName, ...]


@dataclass(frozen=True, slots=True)
class CheckReport:
    """What a check found. `orphans` are chunks that no manifest names: waste, or a snapshot under way; no fault."""

    snapshots: int
    chunks: int
    orphans: int
    orphan_bytes: int
    faults: tuple[Fault, ...]

    @property
    def ok(self) -> bool:
        """Whether every kept snapshot can be restored."""
        return not self.faults


def check(store: KeptStore, *, on_progress: OnProgress | None = None) -> CheckReport:
    """Read everything; `on_progress` counts chunks. A store that fails raises: it is never reported as sound."""
    users: dict[str, list[KeptName]] = {}
    faults: list[Fault] = []
    count = 0
    for name in list_kept(store):
        try:
            manifest = find_manifest(store, name)
            if manifest is None:
                continue  # forgotten meanwhile
            _check_key(store, manifest)
        except Damaged as damaged:
            faults.append(Fault(damaged.message, (name,)))
            continue
        count += 1
        for chunk in manifest.chunk_names():
            users.setdefault(chunk, []).append(name)
    faults += _check_chunks(store, users, on_progress)
    orphans = [
        stored.size for stored in store.objects.list_objects(CHUNKS) if stored.name.rpartition("/")[2] not in users
    ]
    note("store checked", snapshots=count, chunks=len(users), faults=len(faults), orphans=len(orphans))
    return CheckReport(count, len(users), len(orphans), sum(orphans), tuple(faults))


def _check_key(store: KeptStore, manifest: Manifest) -> None:
    if manifest.about.wrapped_key is not None:
        store.keys.unwrap_key(manifest.about.wrapped_key, manifest.about.id)


def _check_chunks(store: KeptStore, users: dict[str, list[KeptName]], on_progress: OnProgress | None) -> list[Fault]:
    chunks = StoredChunks(store)

    def complaint(name: str) -> str | None:
        try:
            chunks.get_chunk(name)
        except Damaged as damaged:
            return damaged.message
        return None

    faults = []
    for done, (name, sentence) in enumerate(each(sorted(users), complaint), start=1):
        if sentence is not None:
            faults.append(Fault(sentence, tuple(users[name])))
        if on_progress is not None:
            on_progress(done, len(users))
    return faults
