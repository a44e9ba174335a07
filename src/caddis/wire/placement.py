"""Asking where machines and volumes would go, before creating any (facts: machines-api 7)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from caddis.domain.machine import Guest
from caddis.wire.machine_config import guest_from_wire
from caddis.wire.reading import Reader

MAX_COUNT = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class PlacementRequest:
    """`regions` in the order in which they are liked; `anywhere`: others would do too. The volume's size in bytes."""

    org_slug: str = ""
    regions: tuple[str, ...] = ()
    anywhere: bool = True
    count: int = 1
    compute: Guest | None = None
    volume_name: str = ""
    volume_size_bytes: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """How many machines a region could take, and how many of them at once."""

    region: str
    count: int
    concurrency: int = 1


def placement_request_from_wire(document: object) -> PlacementRequest:
    """A placement body; its `region` is an expression: a comma list in which `any` means every other region."""
    reader = Reader(document)
    regions = [part.strip(" []") for part in reader.name("region").split(",") if part.strip(" []")]
    compute = reader.find_object("compute")
    return PlacementRequest(
        org_slug=reader.name("org_slug"),
        regions=tuple(dict.fromkeys(region for region in regions if region != "any")),
        anywhere="any" in regions or not regions,
        count=reader.whole("count", high=MAX_COUNT) or 1,
        compute=guest_from_wire(compute) if compute and compute.document else None,
        volume_name=reader.name("volume_name"),
        volume_size_bytes=reader.whole("volume_size_bytes"),
    )


def placements_to_wire(placements: Iterable[Placement]) -> dict[str, Any]:
    """The answer, best region first."""
    return {
        "regions": [
            {"region": placement.region, "count": placement.count, "concurrency": placement.concurrency}
            for placement in placements
        ]
    }
