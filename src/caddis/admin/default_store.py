"""The store that an installation begins with: a folder of its own, until `caddis store set` names another place."""

from __future__ import annotations

from pathlib import Path


def ensure_store(data: Path) -> None:
    """Ensure that a new installation has a store; one that was chosen, or is begun, is left alone."""
    from caddis.backups.kept import choice_file, open_store, read_choice, write_choice

    if not choice_file(data).exists():
        open_store(data, host="admin")
        write_choice(data, read_choice(data))
