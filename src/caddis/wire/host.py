"""Hosts, as they are told to who runs apps. Fly has no such thing: this is ours."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from caddis.domain.host import Host
from caddis.wire.time import time_to_wire


def platform_status_to_wire(hosts: Sequence[Host], now: datetime) -> dict[str, Any]:
    """`status` is `operational` while all hosts report."""
    told = [
        {
            "id": host.id,
            "region": host.region,
            "zone": host.zone,
            "status": "ok" if host.is_reachable(now) else "unreachable",
            "last_seen": time_to_wire(host.last_seen),
        }
        for host in hosts
    ]
    silent = any(one["status"] != "ok" for one in told)
    return {"status": "degraded" if silent or not told else "operational", "hosts": told}
