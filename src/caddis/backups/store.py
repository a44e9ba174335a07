"""The store of an installation: objects, the key that opens them, and who asks. What is kept in it, and forgetting."""

from __future__ import annotations

from dataclasses import dataclass

from caddis.backups.keys import StoreKey
from caddis.backups.manifest import SNAPSHOTS, Manifest, chunk_object, decode_manifest, encode_manifest, manifest_name
from caddis.backups.objects import Objects
from caddis.domain.errors import Damaged, NotFound
from caddis.telemetry.log import note


@dataclass(frozen=True, slots=True)
class KeptStore:
    """`host` is the name under which this program takes the store's locks."""

    objects: Objects
    keys: StoreKey
    host: str


@dataclass(frozen=True, slots=True, order=True)
class KeptName:
    """Which snapshot of which volume."""

    volume_id: str
    snapshot_id: str

    def __str__(self) -> str:
        return manifest_name(self.volume_id, self.snapshot_id)


class StoredChunks:
    """The chunks of a store, as `restore` asks for them."""

    def __init__(self, store: KeptStore) -> None:
        self._store = store

    def name_chunk(self, plain: bytes) -> str:
        """See ChunkSource."""
        return self._store.keys.name_chunk(plain)

    def get_chunk(self, name: str) -> bytes:
        """See ChunkSource."""
        sealed = self._store.objects.find(chunk_object(name))
        if sealed is None:
            raise Damaged(f"chunk {name} is missing in the store {self._store.objects.where}")
        try:
            return self._store.keys.open_chunk(name, sealed)
        except Damaged as why:
            raise Damaged(f"chunk {name} in the store {self._store.objects.where} is damaged: {why.message}") from None


def list_kept(store: KeptStore, volume_id: str | None = None) -> list[KeptName]:
    """Every kept snapshot, or those of one volume, in order of volume and snapshot id. Nothing is opened."""
    folder = SNAPSHOTS if volume_id is None else f"{SNAPSHOTS}/{volume_id}"
    found = []
    for stored in store.objects.list_objects(folder):
        _, _, rest = stored.name.partition("/")
        name = KeptName(*rest.split("/", 1)) if "/" in rest else KeptName(rest, "")
        if str(name) == stored.name:
            found.append(name)
    return sorted(found)


def find_manifest(store: KeptStore, name: KeptName) -> Manifest | None:
    """The manifest, or None if there is no such snapshot. Damaged when it cannot be trusted."""
    sealed = store.objects.find(str(name))
    return None if sealed is None else decode_manifest(str(name), sealed, store.keys)


def get_manifest(store: KeptStore, name: KeptName) -> Manifest:
    """The manifest; NotFound if there is no such snapshot, Damaged when it cannot be trusted."""
    manifest = find_manifest(store, name)
    if manifest is None:
        raise NotFound(f"the store {store.objects.where} has no snapshot {name.snapshot_id} of volume {name.volume_id}")
    return manifest


def put_manifest(store: KeptStore, manifest: Manifest) -> None:
    """Write it, and read it back; Damaged when the store gives back something else."""
    name = KeptName(manifest.about.volume_id, manifest.about.id)
    store.objects.put(str(name), encode_manifest(manifest, store.keys))
    if find_manifest(store, name) != manifest:
        raise Damaged(f"the store {store.objects.where} gave back another manifest {name} than was written")


def forget(store: KeptStore, name: KeptName) -> None:
    """Ensure that the snapshot is kept no longer. Its chunks go with the next `collect`, unless others name them."""
    store.objects.delete(str(name))
    note("kept snapshot forgotten", volume=name.volume_id, snapshot=name.snapshot_id)
