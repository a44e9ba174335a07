"""Fly's region codes: airports, with where they are. An installation may also use codes of its own."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Region:
    """Degrees north and east. `deprecated`: Fly maps the code to another, and clients hide it."""

    code: str
    name: str
    latitude: float
    longitude: float
    geo_region: str
    deprecated: bool = False


_AFRICA, _ASIA, _EUROPE = "africa", "asia_pacific", "europe"
_NORTH, _SOUTH = "north_america", "south_america"

_TABLE = (
    Region("ams", "Amsterdam, Netherlands", 52.37, 4.90, _EUROPE),
    Region("arn", "Stockholm, Sweden", 59.33, 18.07, _EUROPE),
    Region("atl", "Atlanta, Georgia (US)", 33.75, -84.39, _NORTH),
    Region("bog", "Bogotá, Colombia", 4.71, -74.07, _SOUTH),
    Region("bom", "Mumbai, India", 19.08, 72.88, _ASIA),
    Region("bos", "Boston, Massachusetts (US)", 42.36, -71.06, _NORTH),
    Region("cdg", "Paris, France", 48.86, 2.35, _EUROPE),
    Region("den", "Denver, Colorado (US)", 39.74, -104.99, _NORTH),
    Region("dfw", "Dallas, Texas (US)", 32.78, -96.80, _NORTH),
    Region("ewr", "Secaucus, NJ (US)", 40.79, -74.06, _NORTH),
    Region("eze", "Ezeiza, Argentina", -34.85, -58.52, _SOUTH),
    Region("fra", "Frankfurt, Germany", 50.11, 8.68, _EUROPE),
    Region("gdl", "Guadalajara, Mexico", 20.66, -103.35, _NORTH),
    Region("gig", "Rio de Janeiro, Brazil", -22.91, -43.17, _SOUTH),
    Region("gru", "Sao Paulo, Brazil", -23.55, -46.63, _SOUTH),
    Region("hkg", "Hong Kong, Hong Kong", 22.32, 114.17, _ASIA, deprecated=True),
    Region("iad", "Ashburn, Virginia (US)", 39.04, -77.49, _NORTH),
    Region("jnb", "Johannesburg, South Africa", -26.20, 28.05, _AFRICA),
    Region("lax", "Los Angeles, California (US)", 34.05, -118.24, _NORTH),
    Region("lhr", "London, United Kingdom", 51.51, -0.13, _EUROPE),
    Region("mad", "Madrid, Spain", 40.42, -3.70, _EUROPE),
    Region("mia", "Miami, Florida (US)", 25.76, -80.19, _NORTH, deprecated=True),
    Region("nrt", "Tokyo, Japan", 35.68, 139.69, _ASIA),
    Region("ord", "Chicago, Illinois (US)", 41.88, -87.63, _NORTH),
    Region("otp", "Bucharest, Romania", 44.43, 26.10, _EUROPE),
    Region("phx", "Phoenix, Arizona (US)", 33.45, -112.07, _NORTH),
    Region("qro", "Querétaro, Mexico", 20.59, -100.39, _NORTH),
    Region("scl", "Santiago, Chile", -33.45, -70.67, _SOUTH, deprecated=True),
    Region("sea", "Seattle, Washington (US)", 47.61, -122.33, _NORTH, deprecated=True),
    Region("sin", "Singapore, Singapore", 1.35, 103.82, _ASIA),
    Region("sjc", "San Jose, California (US)", 37.34, -121.89, _NORTH),
    Region("syd", "Sydney, Australia", -33.87, 151.21, _ASIA),
    Region("waw", "Warsaw, Poland", 52.23, 21.01, _EUROPE),
    Region("yul", "Montreal, Canada", 45.50, -73.57, _NORTH, deprecated=True),
    Region("yyz", "Toronto, Canada", 43.65, -79.38, _NORTH),
)
REGIONS = {region.code: region for region in _TABLE}


def describe_region(code: str) -> Region:
    """The region behind a code; a code of the installation's own is its own name, somewhere unknown."""
    return REGIONS.get(code) or Region(code, code, 0.0, 0.0, "")


def region_to_wire(region: Region, *, has_hosts: bool, capacity: int = 0) -> dict[str, Any]:
    """The region object. A region with hosts of one's own is never deprecated, whatever Fly does with the code."""
    return {
        "code": region.code,
        "name": region.name,
        "latitude": region.latitude,
        "longitude": region.longitude,
        "gateway_available": has_hosts,
        "requires_paid_plan": False,
        "deprecated": region.deprecated and not has_hosts,
        "capacity": capacity,
        "geo_region": region.geo_region,
        "mpg_available": False,
    }


def regions_to_wire(codes: Iterable[str], *, nearest: str) -> dict[str, Any]:
    """The regions in which this installation has hosts, by code, and which of them to take when none is named."""
    listed = [region_to_wire(describe_region(code), has_hosts=True) for code in sorted(set(codes))]
    return {"regions": listed, "nearest": nearest}
