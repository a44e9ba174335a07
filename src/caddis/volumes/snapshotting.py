"""Taking and erasing snapshots: clones in the pool that share a volume's blocks until it overwrites them."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from caddis.domain.errors import Damaged
from caddis.domain.snapshot import Origin
from caddis.domain.volume import EncryptionKind
from caddis.kernel import freeze, mount
from caddis.kernel.durable import write_whole
from caddis.kernel.fiemap import changes, written_bytes
from caddis.telemetry.seam import seam
from caddis.volumes.encryption import LUKS_HEADER
from caddis.volumes.instant import Stillness
from caddis.volumes.place import Place, snapshot_slice, volume_slice

_FROZEN_SECONDS = 15.0  # at most: whoever writes to the volume waits for so long


@dataclass(frozen=True, slots=True)
class Still:
    """Holds the writers of the file system mounted there."""

    target: Path

    def __call__(self) -> AbstractContextManager[None]:
        """See kernel/freeze.py."""
        return freeze.frozen(str(self.target), seconds=_FROZEN_SECONDS)


def stillness(place: Place, volume_id: str) -> Stillness | None:
    """What holds the volume's writers; None when it is not mounted by us. One left frozen by two deaths is thawed."""
    target = place.mount_point(volume_id)
    if not mount.is_mount_point(target):
        return None
    freeze.ensure_thawed(str(target))
    return Still(target)


def take_snapshot(place: Place, origin: Origin, snapshot_id: str) -> None:
    """Ensure a snapshot of the volume as it is at one instant, on disk. What is there already is kept as it is."""
    name, source = snapshot_slice(snapshot_id), volume_slice(origin.volume_id)
    if place.pool.has(name):
        return
    still = stillness(place, origin.volume_id)
    copy_header(place, origin, source, name)
    place.pool.snapshot(source, name, still=still)
    seam("volumes.snapshot:after publish")


def copy_header(place: Place, origin: Origin, source: str, name: str) -> None:
    """A LUKS volume's header belongs to its bytes."""
    if origin.encryption is not EncryptionKind.LUKS:
        return
    header = place.pool.sidecar(source, LUKS_HEADER)
    try:
        write_whole(place.pool.sidecar(name, LUKS_HEADER), header.read_bytes())
    except FileNotFoundError:
        raise Damaged(f"the LUKS header {header} of volume {origin.volume_id} is missing") from None


def held_bytes(place: Place, snapshot_id: str, older: str | None) -> int:
    """Bytes that only this snapshot holds, seen from the `older` one before it (None: the first)."""
    extents = place.pool.extents(snapshot_slice(snapshot_id))
    if older is None:
        return written_bytes(extents)
    before = place.pool.extents(snapshot_slice(older))
    return sum(change.length for change in changes(before, extents) if change.written)


def list_changes(place: Place, base: str, snapshot_id: str) -> list[tuple[int, int]]:
    """Offset and length of every range in which the snapshot may differ from the base; both must be here."""
    before = place.pool.extents(snapshot_slice(base))
    after = place.pool.extents(snapshot_slice(snapshot_id))
    return [(change.offset, change.length) for change in changes(before, after)]


def snapshot_files(place: Place, origin: Origin, snapshot_id: str) -> dict[str, Path]:
    """`image`, and of LUKS `header`."""
    name = snapshot_slice(snapshot_id)
    files = {"image": place.pool.file(name)}
    if origin.encryption is EncryptionKind.LUKS:
        files["header"] = place.pool.sidecar(name, LUKS_HEADER)
    return files


def snapshot_bound(place: Place, volume_id: str) -> int:
    """Bytes that a snapshot taken now would hold at most, but for what is written meanwhile."""
    return written_bytes(place.pool.extents(volume_slice(volume_id)))


def erase_snapshot(place: Place, snapshot_id: str) -> None:
    """Ensure that it is gone with its record and header, on disk."""
    place.pool.erase(snapshot_slice(snapshot_id))
