"""Taking over one volume or snapshot of another host's pool: its bytes are copied, its key is wrapped anew.

The source is only read. What is half-done has a name of its own until it is whole. What lies in this host's own pool
already is neither copied nor, whatever happens, erased.
"""

from __future__ import annotations

import os
from pathlib import Path

from caddis.domain.adoption import Adoption, adopted_snapshot, adopted_volume
from caddis.domain.errors import Conflict, Damaged
from caddis.domain.snapshot import Origin, origin_of
from caddis.kernel import loop
from caddis.kernel.durable import write_whole
from caddis.telemetry.seam import seam
from caddis.volumes.encryption import LUKS_HEADER
from caddis.volumes.erasing import erase_volume
from caddis.volumes.file_pool import FilePool
from caddis.volumes.keys import WrappingKey
from caddis.volumes.place import Place, snapshot_slice, volume_slice
from caddis.volumes.pool import Pool
from caddis.volumes.record import (
    read_record,
    read_snapshot_record,
    write_record,
    write_snapshot_record,
)
from caddis.volumes.sources import image_path, source_keys, unwrap_origin


def adopt_image(place: Place, adoption: Adoption) -> None:
    """Ensure that this host's pool has a copy, all allocated (a snapshot: what is written) and on disk.

    Conflict while someone uses the image, NoCapacity, with nothing of it visible.
    """
    name = _slice(adoption.id)
    if place.pool.has(name):
        return
    if adoption.source is None:
        raise Damaged(f"the image of {adoption.id} is missing from the pool")
    kind, id = name.split("/")
    source, unfinished = image_path(Path(adoption.source), kind, id), f"{name}.new"
    try:
        fd = os.open(source, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        raise Damaged(f"{source} is not there any more", hint="caddis pool adopt again") from None
    try:
        if not loop.lock(fd):
            raise Conflict(f"{adoption.id} is in use where it is", hint="stop its machine and the Caddis that runs it")
        header = source.with_suffix(LUKS_HEADER)
        if header.exists():
            write_whole(place.pool.sidecar(name, LUKS_HEADER), header.read_bytes())
        place.pool.take_in(source, unfinished)
        seam("volumes.adopt:after copy")
        if _is_volume(adoption):
            place.pool.promise(unfinished)
    finally:
        os.close(fd)
    place.pool.publish(unfinished, name)


def adopt_record(place: Place, adoption: Adoption, held_bytes: int) -> None:
    """Ensure the record beside it, which tells of this host and holds the key wrapped for this host."""
    other: Pool = place.pool
    if adoption.source is not None:
        other = FilePool(Path(adoption.source), fixed_capacity=0, mount_point=None)
    keys = source_keys(adoption.wrapping_key, place.keys)
    if _is_volume(adoption):
        volume = read_record(other, adoption.id)
        wrapped = _rewrap(place, keys, origin_of(volume))
        write_record(place.pool, adopted_volume(volume, adoption, wrapped))
    else:
        snapshot = read_snapshot_record(other, adoption.id)
        wrapped = _rewrap(place, keys, snapshot.origin)
        write_snapshot_record(place.pool, adopted_snapshot(snapshot, adoption, wrapped, held_bytes))


def _rewrap(place: Place, keys: WrappingKey, origin: Origin) -> str | None:
    unwrap_origin(origin, keys)
    if origin.wrapped_key is None:
        return None
    return place.keys.wrap(keys.unwrap(origin.wrapped_key, origin.volume_id), origin.volume_id)


def holds(place: Place, id: str) -> bool:
    """Whether this host's pool has a slice of that id."""
    return place.pool.has(_slice(id))


def leave(place: Place, adoption: Adoption) -> None:
    """Undo both: no copy of it is in this host's pool. A record rewritten in place serves as well as before."""
    if adoption.source is None:
        return
    if _is_volume(adoption):
        erase_volume(place, adoption.id)
    else:
        place.pool.erase(snapshot_slice(adoption.id))


def _is_volume(adoption: Adoption) -> bool:
    return adoption.id.startswith("vol_")


def _slice(id: str) -> str:
    return volume_slice(id) if id.startswith("vol_") else snapshot_slice(id)
