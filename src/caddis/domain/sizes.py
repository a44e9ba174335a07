"""Sizes. A volume's GB is 2**30 bytes, as on Fly: `--size 1` gives a device of exactly 1,073,741,824 bytes."""

from __future__ import annotations

import re

from caddis.domain.errors import Invalid

MIB = 1 << 20
GIB = 1 << 30
MIN_VOLUME_GB = 1
MAX_VOLUME_GB = 500

_SIZE = re.compile(r"\s*(?P<number>[0-9]+(?:\.[0-9]+)?)\s*(?P<unit>[kmgtp]?i?b?)\s*\Z", re.IGNORECASE)
_POWER = {"": 0, "k": 1, "m": 2, "g": 3, "t": 4, "p": 5}


def gb_to_bytes(size_gb: int) -> int:
    """Bytes of a volume of `size_gb` GB."""
    return size_gb * GIB


def check_volume_size(size_gb: object, *, limit_gb: int = MAX_VOLUME_GB) -> int:
    """The size in GB; Invalid unless it is a whole number from 1 to `limit_gb`."""
    if isinstance(size_gb, bool) or not isinstance(size_gb, int):
        raise Invalid(f"volume size {size_gb!r} is not a whole number of GB", field="size_gb")
    if not MIN_VOLUME_GB <= size_gb <= limit_gb:
        raise Invalid(
            f"volume size {size_gb} GB is out of range: a volume has {MIN_VOLUME_GB} to {limit_gb} GB", field="size_gb"
        )
    return size_gb


def parse_bytes(text: str, *, base: int = 1024, field: str = "size") -> int:
    """Bytes meant by "512", "20G", "1.5GB" or "2GiB"; suffixes count in powers of `base` (1024, or 1000)."""
    match = _SIZE.match(text)
    if match is None:
        raise Invalid(f"{text!r} is not a size: write it like 20G or 512M", field=field)
    power = _POWER[match["unit"].lower().rstrip("b").removesuffix("i")]
    return int(float(match["number"]) * base**power)


def format_bytes(count: int) -> str:
    """IEC text with one decimal under ten: "1.5 MiB", "10 GiB", "0 B" (facts: cli-volumes 10.1)."""
    value, units = float(count), ["B", "KiB", "MiB", "GiB", "TiB", "PiB"]
    unit = 0
    while value >= 1024 and unit < len(units) - 1:
        value, unit = value / 1024, unit + 1
    return f"{value:.1f} {units[unit]}" if unit and value < 10 else f"{value:.0f} {units[unit]}"
