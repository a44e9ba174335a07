"""Sizes as fly.toml spells them (facts: fly-toml 1.1): a mount's in decimal GB, a machine's memory in binary MB."""

from __future__ import annotations

import re

from caddis.domain.errors import Invalid
from caddis.domain.sizes import MIB, parse_bytes

_PLAIN = re.compile(r"\s*\d+(?:\.\d+)?\s*\Z")
_LONGEST = 20  # characters; longer ones are not sizes, and might not fit into a float


def parse_gb(text: str, *, field: str) -> int:
    """Whole GB of a mount's size: a plain number is GB, units are decimal, fractions are dropped; Invalid otherwise."""
    _check_length(text, field)
    if _PLAIN.match(text):
        return int(float(text))
    return parse_bytes(text, base=1000, field=field) // 1000**3


def parse_mb(text: str, *, field: str) -> int:
    """Whole MB of a machine's memory: a plain number is MB, units are binary; Invalid otherwise."""
    _check_length(text, field)
    if _PLAIN.match(text):
        return int(float(text))
    return parse_bytes(text, base=1024, field=field) // MIB


def _check_length(text: str, field: str) -> None:
    if len(text) > _LONGEST:
        raise Invalid(f"{text[:_LONGEST]!r}… is not a size: write it like 20G or 512M", field=field)
