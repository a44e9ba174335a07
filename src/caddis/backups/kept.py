"""The verbs of this room together, as the agent asks for them (agent/world.py, `Kept`).

Which store it is stands in a file of the installation that `caddis store set` writes; it is read again when it
changes, so nobody has to be restarted. Without the file it is a folder beside it.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

import msgspec

from caddis.backups.collecting import Collected, collect
from caddis.backups.image import Ranges
from caddis.backups.manifest import Manifest, SnapshotFacts
from caddis.backups.objects import StoreFailed
from caddis.backups.opening import StoreChoice, open_kept_store
from caddis.backups.restoring import restore
from caddis.backups.shipping import IMAGE, ship
from caddis.backups.status import StoreStatus, probe
from caddis.backups.store import KeptName, KeptStore, StoredChunks, find_manifest, forget, get_manifest
from caddis.domain.errors import Problem
from caddis.domain.snapshot import Origin, Snapshot
from caddis.domain.volume import EncryptionKind, FileSystemKind
from caddis.kernel.durable import write_whole


class _File(msgspec.Struct, frozen=True, kw_only=True):
    url: str
    endpoint: str | None = None
    access_key: str | None = None
    secret_key: str | None = None
    region: str = ""


def choice_file(data: Path) -> Path:
    """Where an installation says which store it has (0600: it may hold the keys of a bucket)."""
    return data / "store.json"


def read_choice(data: Path) -> StoreChoice | None:
    """The store of an installation, None when it wants none. Problem when the file cannot be read."""
    path = choice_file(data)
    try:
        document = msgspec.json.decode(path.read_bytes(), type=_File)
    except FileNotFoundError:
        return StoreChoice(url=f"file://{data}/kept")
    except msgspec.DecodeError as why:
        raise Problem(f"{path} cannot be read: {why}", hint="caddis store set URL writes it anew") from None
    if document.url == "none":
        return None
    given = {name: value for name, value in msgspec.structs.asdict(document).items() if value}
    return StoreChoice(**given)


def write_choice(data: Path, choice: StoreChoice | None) -> None:
    """Say which store an installation has; None for none."""
    chosen = choice or StoreChoice(url="none")
    document = _File(
        url=chosen.url,
        endpoint=chosen.endpoint,
        access_key=chosen.access_key,
        secret_key=chosen.secret_key,
        region=chosen.region,
    )
    write_whole(choice_file(data), msgspec.json.format(msgspec.json.encode(document), indent=1))


def open_store(data: Path, *, host: str) -> KeptStore | None:
    """The store of an installation with its key; None when it wants none.

    An empty one is begun only if nobody has chosen one yet: a disk that is not mounted must not look like a new store.
    """
    choice = read_choice(data)
    if choice is None:
        return None
    return open_kept_store(choice, key=data / "store.key", host=host, may_create=not choice_file(data).exists())


class KeptSnapshots:
    """One host's door to the installation's store. Safe to use from many threads."""

    def __init__(self, data: Path, *, host: str) -> None:
        self._data, self._host = data, host
        self._lock = threading.Lock()
        self._opened: tuple[object, KeptStore | None] | None = None

    @property
    def is_wanted(self) -> bool:
        """Whether snapshots are to be kept at all."""
        return read_choice(self._data) is not None

    @property
    def where(self) -> str:
        """The store's address, "" for none."""
        choice = read_choice(self._data)
        return f"{choice.endpoint or ''} {choice.url}".strip() if choice else ""

    def probe(self, now: datetime) -> StoreStatus:
        """Whether the store can be used now: it is written to, read and deleted from. Never raises a Problem."""
        try:
            store = self.open()
        except Problem as problem:
            return StoreStatus(problem.message, now)
        return probe(store.objects, now=now)

    def ship(
        self,
        snapshot: Snapshot,
        parts: Mapping[str, Path],
        *,
        key: bytes | None,
        base: str | None,
        changed: Ranges | None,
    ) -> int:
        """Ensure that the snapshot is kept; the bytes that it took. `base`: the kept one that `changed` is from."""
        store = self.open()
        known = find_manifest(store, KeptName(snapshot.volume_id, base)) if base else None
        about = _facts(snapshot, self._host, store.keys.wrap_key(key, snapshot.id) if key else None)
        return ship(store, about, parts=parts, base=known, changed=changed if known else None).stored_bytes

    def is_kept(self, volume_id: str, snapshot_id: str) -> bool:
        """Whether the store has it whole."""
        return find_manifest(self.open(), KeptName(volume_id, snapshot_id)) is not None

    def open_kept(self, volume_id: str, snapshot_id: str) -> KeptSnapshot:
        """A kept snapshot, to make a volume of; NotFound or Damaged, naming it."""
        store = self.open()
        return KeptSnapshot(store, get_manifest(store, KeptName(volume_id, snapshot_id)))

    def forget(self, volume_id: str, snapshot_id: str) -> None:
        """Ensure that the store has it no longer."""
        forget(self.open(), KeptName(volume_id, snapshot_id))

    def collect(self) -> Collected:
        """Delete the chunks that no snapshot names."""
        return collect(self.open())

    def open(self) -> KeptStore:
        """The store itself; StoreFailed when there is none, or it cannot be used."""
        path = choice_file(self._data)
        with self._lock:
            try:
                about = path.stat()
                version: object = (about.st_ino, about.st_mtime_ns)
            except FileNotFoundError:
                version = None
            if self._opened is None or self._opened[0] != version:
                self._opened = None
                self._opened = (version, open_store(self._data, host=self._host))
            store = self._opened[1]
        if store is None:
            raise StoreFailed("this installation keeps no snapshots off its hosts", hint="caddis store set URL")
        return store


class KeptSnapshot:
    """One snapshot in the store."""

    def __init__(self, store: KeptStore, manifest: Manifest) -> None:
        self._store, self._manifest = store, manifest

    @property
    def image_bytes(self) -> int:
        """Size of the image."""
        return self._manifest.parts[IMAGE].size

    @property
    def origin(self) -> Origin:
        """Whose it is; the key is not in it: see `open_key`."""
        about = self._manifest.about
        return Origin(
            volume_id=about.volume_id,
            size_gb=about.size_gb,
            fstype=FileSystemKind(about.fstype),
            encryption=EncryptionKind(about.encryption),
            wrapped_key=None,
        )

    def open_key(self) -> bytes | None:
        """The volume's key in the clear; None when it has none. Damaged when the store's key does not open it."""
        about = self._manifest.about
        return self._store.keys.unwrap_key(about.wrapped_key, about.id) if about.wrapped_key else None

    def restore(self, part: str, target: Path) -> None:
        """Make the file the bytes of `image` or `header`, on disk; goes on where an earlier call was cut short."""
        fd = os.open(target, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            restore(StoredChunks(self._store), self._manifest, fd, part=part)
        finally:
            os.close(fd)


def _facts(snapshot: Snapshot, host: str, wrapped_key: str | None) -> SnapshotFacts:
    return SnapshotFacts(
        id=snapshot.id,
        volume_id=snapshot.volume_id,
        app=snapshot.app,
        volume_name=snapshot.volume_name,
        region=snapshot.region,
        zone=snapshot.zone,
        size_gb=snapshot.origin.size_gb,
        fstype=str(snapshot.origin.fstype),
        encryption=str(snapshot.origin.encryption),
        created_at=snapshot.created_at,
        retention_days=snapshot.retention_days,
        expires_at=snapshot.expires_at,
        host=host,
        wrapped_key=wrapped_key,
    )
