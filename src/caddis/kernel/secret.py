"""A file with a random secret that only root reads: made once, and never anew where something needs the old one."""

from __future__ import annotations

import secrets
from pathlib import Path

from caddis.domain.errors import Damaged
from caddis.kernel.durable import create_whole


def open_secret(path: Path, *, size: int, may_create: bool, needed: str) -> bytes:
    """The `size` bytes of the file (mode 0600), made if there is none and `may_create`.

    Damaged, with what it is `needed` for, when it is missing otherwise, is of another size, or can be read by others.
    """
    name = path.name.replace(".", " ")  # wrapping.key: the wrapping key
    if not path.exists():
        if not may_create:
            raise Damaged(
                f"the {name} {path} is missing, and {needed}",
                hint=f"put the file back from where you keep a copy: install -m 0600 {path.name} {path}",
            )
        create_whole(path, secrets.token_bytes(size))
    secret = path.read_bytes()
    if len(secret) != size:
        raise Damaged(f"the {name} {path} has {len(secret)} bytes instead of {size}")
    if path.stat().st_mode & 0o077:
        raise Damaged(f"the {name} {path} can be read by others than root", hint=f"chmod 0600 {path}")
    return secret
