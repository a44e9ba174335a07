"""When a volume is to grow by itself (`auto_extend_*` in fly.toml). Pure."""

from __future__ import annotations

from caddis.domain.machine import Mount
from caddis.domain.sizes import MAX_VOLUME_GB
from caddis.domain.volume import Usage, Volume


def choose_extension(mount: Mount, volume: Volume, usage: Usage) -> int | None:
    """The size in GB that the volume is to have next; None while it is not so full, or at its limit."""
    if mount.extend_threshold_percent <= 0 or mount.add_size_gb <= 0 or usage.blocks == 0:
        return None
    used = usage.blocks - usage.blocks_avail
    if used * 100 < mount.extend_threshold_percent * usage.blocks:
        return None
    limit = min(mount.size_gb_limit or MAX_VOLUME_GB, MAX_VOLUME_GB)
    wanted = min(volume.size_gb + mount.add_size_gb, limit)
    return wanted if wanted > volume.size_gb else None
