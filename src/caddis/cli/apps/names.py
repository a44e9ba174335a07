"""Names for apps whose owner has no opinion."""

from __future__ import annotations

import secrets

_FIRST = ("calm", "clear", "cold", "deep", "fast", "fresh", "green", "mossy", "quick", "quiet", "shady", "swift")
_SECOND = ("beck", "brook", "burn", "creek", "ford", "pool", "pebble", "rapid", "reed", "rill", "river", "stream")


def generate_name() -> str:
    """Such as "mossy-brook-4821"."""
    return f"{secrets.choice(_FIRST)}-{secrets.choice(_SECOND)}-{secrets.randbelow(9000) + 1000}"
