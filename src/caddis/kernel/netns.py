"""Named network namespaces, as `ip netns` keeps them: each a file under /run/netns."""

from __future__ import annotations

import os

FOLDER = "/run/netns"


def path(name: str) -> str:
    """Where it is to be found."""
    return f"{FOLDER}/{name}"


def exists(name: str) -> bool:
    """Whether there is such a name."""
    return os.path.lexists(path(name))


def list_names() -> list[str]:
    """All of this computer."""
    try:
        return sorted(os.listdir(FOLDER))
    except FileNotFoundError:
        return []
