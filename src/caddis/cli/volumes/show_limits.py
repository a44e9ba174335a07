"""How a volume's I/O limits are shown; only of a volume that has limits of its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from caddis.domain.sizes import format_bytes


def limit_rows(limits: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Lines for the block of `fly volumes show`."""
    iops, bandwidth = limits.get("iops"), limits.get("bandwidth")
    rows = []
    if iops is not None:
        rows.append(("Max IOPS", str(iops) if iops else "no limit"))
    if bandwidth is not None:
        rows.append(("Max bandwidth", f"{format_bytes(bandwidth)}/s" if bandwidth else "no limit"))
    return rows
