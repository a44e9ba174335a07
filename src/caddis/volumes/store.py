"""The verbs of this room together, as the agent asks for them (agent/world.py, `Volumes`)."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from caddis.domain.adoption import Adoption
from caddis.domain.files import ExportFormat, FileInfo, Listing
from caddis.domain.sizes import gb_to_bytes
from caddis.domain.snapshot import Origin, Snapshot
from caddis.domain.volume import EncryptionKind, FileSystemKind, Usage, Volume
from caddis.kernel import mount
from caddis.volumes import (
    adopting,
    encryption,
    exporting,
    filling,
    reading,
    record,
    snapshotting,
    sources,
    viewing,
)
from caddis.volumes.copying import begin_copy, copy_volume, finish_copy
from caddis.volumes.creating import format_volume
from caddis.volumes.erasing import erase_volume
from caddis.volumes.extending import grow_mounted
from caddis.volumes.keys import Key, open_wrapping_key
from caddis.volumes.mounting import mount_volume
from caddis.volumes.observing import observe_usage
from caddis.volumes.opening import open_pool
from caddis.volumes.place import Place, volume_slice
from caddis.volumes.pool import Pool, PoolChoice
from caddis.volumes.record import DamagedRecord
from caddis.volumes.scratch import ensure_template, mount_scratch, unmount_scratch
from caddis.volumes.sources import Finding
from caddis.volumes.unmounting import unmount_volume


class VolumeStore:
    """One host's volumes. Safe to use from many threads: one verb at a time for each volume or scratch."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._locks: dict[str, threading.Lock] = {}
        self._guard = threading.Lock()

    @property
    def pool(self) -> Pool:
        """The space that volumes are carved from."""
        return self._place.pool

    def capacity_bytes(self) -> int:
        """Bytes that may be promised to volumes and scratch file systems together."""
        return self._place.pool.capacity_bytes()

    def choose_encryption(self, encrypted: bool, fstype: FileSystemKind) -> EncryptionKind:
        """The kind this host uses; Missing or Invalid, plainly, when it has none for what is asked."""
        return encryption.choose_for_this_host(encrypted, fstype)

    def make_key(self, volume_id: str) -> str:
        """A new random key, wrapped with the host's wrapping key and bound to the volume's id, as base64."""
        return self._place.keys.make(volume_id)

    def allocate(self, volume_id: str, size_gb: int) -> None:
        """Ensure an image of that size, all of it allocated and on disk. NoCapacity, with nothing left."""
        with self._alone(volume_id):
            self._place.pool.allocate(volume_slice(volume_id), gb_to_bytes(size_gb))

    def extend(self, volume_id: str, size_gb: int) -> None:
        """Ensure that the image has that size, all of it allocated and on disk. NoCapacity, with it as it was."""
        with self._alone(volume_id):
            self._place.pool.extend(volume_slice(volume_id), gb_to_bytes(size_gb))

    def cut_back(self, volume_id: str, size_gb: int) -> None:
        """Undo `extend`, before `grow`."""
        with self._alone(volume_id):
            self._place.pool.cut_back(volume_slice(volume_id), gb_to_bytes(size_gb))

    def grow(self, volume: Volume) -> bool:
        """Ensure that a mounted file system fills its image; True where it will only do so at the next mount."""
        with self._alone(volume.id):
            return grow_mounted(self._place, volume)

    def format(self, volume: Volume) -> None:
        """Put a file system with the volume's identity on it. Destroys what is there: only during creation."""
        with self._alone(volume.id):
            format_volume(self._place, volume)

    def adopt_image(self, adoption: Adoption) -> None:
        """Ensure that the pool has a copy of an image of another pool, which is only read."""
        with self._alone(adoption.id):
            adopting.adopt_image(self._place, adoption)

    def adopt_record(self, adoption: Adoption, held_bytes: int) -> None:
        """Ensure its record, with this host's region and zone and the key wrapped for this host."""
        with self._alone(adoption.id):
            adopting.adopt_record(self._place, adoption, held_bytes)

    def leave(self, adoption: Adoption) -> None:
        """Undo both."""
        with self._alone(adoption.id):
            adopting.leave(self._place, adoption)

    def inspect(self, root: Path, wrapping_key: str | None) -> Iterator[Finding]:
        """What another host's pool holds, and whether it can be adopted; nothing is written there."""
        return sources.inspect(root, sources.source_keys(wrapping_key, self._place.keys))

    def holds(self, id: str) -> bool:
        """Whether the pool has a volume or snapshot of that id, whatever the book says."""
        return adopting.holds(self._place, id)

    def read_record(self, volume_id: str) -> Volume:
        """What the record beside the image says; Damaged when it cannot be trusted."""
        return record.read_record(self._place.pool, volume_id)

    def read_snapshot_record(self, snapshot_id: str) -> Snapshot:
        """As `read_record`, of a snapshot."""
        return record.read_snapshot_record(self._place.pool, snapshot_id)

    def write_record(self, volume: Volume) -> None:
        """Ensure the self-describing record beside the image, on disk."""
        with self._alone(volume.id):
            record.write_record(self._place.pool, volume)

    def list_records(self) -> list[Volume | DamagedRecord]:
        """What the pool says of itself, in order of id."""
        return list(record.list_records(self._place.pool))

    def mount(self, volume: Volume) -> str:
        """Ensure it is opened, its identity checked, unlocked and mounted; the folder (or raw device) to hand on."""
        with self._alone(volume.id):
            return mount_volume(self._place, volume)

    def unmount(self, volume_id: str) -> None:
        """Ensure it is unmounted, locked and its device closed. Conflict, naming who, while it is in use."""
        with self._alone(volume_id):
            unmount_volume(self._place, volume_id)

    def observe_usage(self, volume_id: str) -> Usage | None:
        """statfs if it is mounted."""
        return observe_usage(self._place, volume_id)

    def snapshot_bound(self, volume_id: str) -> int:
        """Bytes of the pool that a snapshot taken now would hold at most, but for what is written meanwhile."""
        return snapshotting.snapshot_bound(self._place, volume_id)

    def take_snapshot(self, origin: Origin, snapshot_id: str) -> None:
        """Ensure a snapshot of the volume as it is at one instant, on disk; one that is there is kept as it is."""
        with self._alone(origin.volume_id):
            snapshotting.take_snapshot(self._place, origin, snapshot_id)

    def held_bytes(self, snapshot_id: str, older: str | None) -> int:
        """Bytes that only this snapshot holds, seen from the older one before it."""
        return snapshotting.held_bytes(self._place, snapshot_id, older)

    def write_snapshot_record(self, snapshot: Snapshot) -> None:
        """Ensure the self-describing record beside the snapshot, on disk."""
        record.write_snapshot_record(self._place.pool, snapshot)

    def erase_snapshot(self, snapshot_id: str) -> None:
        """Ensure that it is gone with its record, on disk."""
        snapshotting.erase_snapshot(self._place, snapshot_id)

    def list_changes(self, base: str, snapshot_id: str) -> list[tuple[int, int]]:
        """Offset and length of every range in which the snapshot may differ from the base, another local one."""
        return snapshotting.list_changes(self._place, base, snapshot_id)

    def snapshot_files(self, origin: Origin, snapshot_id: str) -> dict[str, Path]:
        """The files that a snapshot is: its image, and of LUKS its header."""
        return snapshotting.snapshot_files(self._place, origin, snapshot_id)

    def open_key(self, origin: Origin) -> bytes | None:
        """The volume's key in the clear, to be wrapped for elsewhere at once; None when it has none."""
        if origin.wrapped_key is None:
            return None
        return self._place.keys.unwrap(origin.wrapped_key, origin.volume_id).reveal

    def close_key(self, key: bytes, volume_id: str) -> str:
        """A key from elsewhere, wrapped with the host's wrapping key and bound to the volume."""
        return self._place.keys.wrap(Key(key), volume_id)

    def begin_copy(self, volume: Volume, image_bytes: int) -> dict[str, Path] | None:
        """Ensure the files of a volume in the making, to be filled; None when it is whole already."""
        with self._alone(volume.id):
            return begin_copy(self._place, volume, image_bytes)

    def finish_copy(self, volume: Volume, origin_id: str) -> None:
        """Ensure that what was filled is the volume, with its own identity."""
        with self._alone(volume.id):
            finish_copy(self._place, volume, origin_id)

    def rewrap_key(self, origin: Origin, volume_id: str) -> str | None:
        """The origin's key, wrapped for a volume that is made of its bytes."""
        if origin.wrapped_key is None:
            return None
        return self._place.keys.rewrap(origin.wrapped_key, origin.volume_id, volume_id)

    def copy(self, volume: Volume, origin: Origin, snapshot_id: str | None) -> None:
        """Ensure that the volume is a copy of the snapshot, or, without one, of its origin as it is at one instant."""
        with self._alone(origin.volume_id), self._alone(volume.id):
            copy_volume(self._place, volume, origin, snapshot_id)

    def erase(self, volume_id: str) -> None:
        """Ensure that image, record and everything else of it is gone from the pool."""
        with self._alone(volume_id):
            erase_volume(self._place, volume_id)

    def mount_scratch(self, name: str, size_gb: int) -> str:
        """Ensure an empty file system of that size (0: the default), mounted; its folder."""
        with self._alone("template"):
            ensure_template(self._place, size_gb)
        with self._alone(f"scratch {name}"):
            return mount_scratch(self._place, name, size_gb)

    def unmount_scratch(self, name: str) -> None:
        """Ensure it is unmounted, closed and deleted."""
        with self._alone(f"scratch {name}"):
            unmount_scratch(self._place, name)

    def open_view(self, view: str, origin: Origin, snapshot_id: str | None) -> str:
        """Ensure a read-only look at a snapshot, or at the volume as it is now; its folder, or a raw device."""
        if snapshot_id is not None:
            return viewing.open_view(self._place, view, origin, snapshot_id)
        with self._alone(origin.volume_id):
            return viewing.open_view(self._place, view, origin, None)

    def close_view(self, view: str) -> None:
        """Ensure that nothing of it is left."""
        viewing.close_view(self._place, view)

    def list_folder(self, root: str, path: bytes) -> Listing:
        """What a folder of a view holds, or the one file; NotFound."""
        return reading.list_folder(root, path)

    def read_file(self, root: str, path: bytes) -> tuple[FileInfo, Iterator[bytes]]:
        """A file of a view and its content; NotFound, or Conflict when it is no file."""
        return reading.read_file(root, path)

    def pack_folder(self, root: str, path: bytes) -> Iterator[bytes]:
        """A folder of a view as a tar; NotFound, or Conflict when it is no folder."""
        return exporting.pack_folder(root, path)

    def export(self, view: str, origin: Origin, root: str, format: ExportFormat) -> Iterator[bytes]:
        """All that a view shows, as one zstd stream."""
        return exporting.export(self._place, view, origin, root, format=format)

    def fill(self, volume: Volume, read: filling.Read, room: filling.Room) -> list[str]:
        """Put what is read into a new, empty volume, on disk; what had to be left out. Invalid when it is not whole."""
        with self._alone(volume.id):
            return filling.fill_volume(self._place, volume, read, room)

    def close(self) -> None:
        """For `caddis down`: unmount the pool. Conflict while a volume or scratch of it is in use."""
        sources.close_source(self._place.run)
        self._place.pool.close()
        mount.drop_own_mount(self._place.run)

    @contextmanager
    def _alone(self, subject: str) -> Iterator[None]:
        with self._guard:
            lock = self._locks.setdefault(subject, threading.Lock())
        with lock:
            yield


def open_store(choice: PoolChoice, *, host: str, data: Path, run: Path) -> VolumeStore:
    """Open (the first time: make) the pool and the wrapping key of a host.

    `data` is DATA/hosts/<host>, `run` RUN/<host>; both are made if they are not there.
    """
    for folder in (data, run):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    mount.ensure_own_mount(run)
    try:
        sources.close_source(run)
        pool = open_pool(choice, host=host, data=data, run_folder=run)
    except BaseException:
        mount.drop_own_mount(run)
        raise
    known = record.list_records(pool)
    needed = any(isinstance(each, DamagedRecord) or each.wrapped_key for each in known)
    keys = open_wrapping_key(data / "wrapping.key", may_create=not needed)
    place = Place(pool=pool, keys=keys, run=run)
    viewing.sweep_views(place)
    return VolumeStore(place)
