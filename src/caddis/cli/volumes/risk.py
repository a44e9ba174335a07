"""How full a volume is, and what of it would be lost if its host's disk were lost now."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from caddis.cli.times import ago
from caddis.wire.time import time_from_wire

Wire = Mapping[str, Any]


def used_percent(volume: Wire) -> int | None:
    """How full it is, as `df` counts: of what its owner can have. None until it was mounted."""
    blocks, free, available = (int(volume.get(key) or 0) for key in ("blocks", "blocks_free", "blocks_avail"))
    used = blocks - free
    return -(-100 * used // (used + available)) if used + available else None


def at_risk(volume: Wire, now: datetime) -> str:
    """How full it is, and what of it would be lost if its host's disk were lost now."""
    percent = used_percent(volume)
    words = [] if percent is None else [f"{percent}% used"]
    kept = volume.get("last_kept_at")
    if kept:
        words.append(f"last kept {ago(time_from_wire(str(kept)), now)}: what was written since is only on its host")
    else:
        words.append("never kept off its host: all of it would be lost with that host's disk")
    return ", ".join(words)
