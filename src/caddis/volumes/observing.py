"""What a mounted volume holds."""

from __future__ import annotations

import os

from caddis.domain.volume import Usage
from caddis.kernel import mount
from caddis.volumes.place import Place, volume_slice


def observe_usage(place: Place, volume_id: str) -> Usage | None:
    """statfs if it is mounted, else None; raw volumes are not mounted by us."""
    volume_slice(volume_id)  # refuses what is not an id
    target = place.mount_point(volume_id)
    if not mount.is_mount_point(target):
        return None
    about = os.statvfs(target)
    return Usage(
        block_size=about.f_frsize, blocks=about.f_blocks, blocks_free=about.f_bfree, blocks_avail=about.f_bavail
    )
