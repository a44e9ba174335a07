"""Where the things of one host are, and what its verbs work with."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from caddis.domain.errors import Invalid
from caddis.domain.ids import SNAPSHOT_ID, VOLUME_ID
from caddis.volumes.keys import WrappingKey
from caddis.volumes.pool import Pool

# Machines see this folder of a volume's file system, never its top: `lost+found` stays out of sight (PostgreSQL refuses
# a data directory that is not empty), and the top is out of a machine's reach.
ROOT = "root"
_SCRATCH_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}\Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """One host's pool and keys, and the folder below which it mounts."""

    pool: Pool
    keys: WrappingKey
    run: Path

    def mount_point(self, volume_id: str) -> Path:
        """Of a volume's file system."""
        return self.run / "volumes" / volume_id

    def scratch_point(self, name: str) -> Path:
        """Of a scratch file system."""
        return self.run / "scratch" / name


def volume_slice(volume_id: str) -> str:
    """The slice's name; Invalid for what is not a volume's id, because it becomes part of paths."""
    if not VOLUME_ID.match(volume_id):
        raise Invalid(f"{volume_id!r} is not a volume id", field="id")
    return f"volumes/{volume_id}"


def snapshot_slice(snapshot_id: str) -> str:
    """The slice's name; Invalid for what is not a snapshot's id."""
    if not SNAPSHOT_ID.match(snapshot_id):
        raise Invalid(f"{snapshot_id!r} is not a snapshot id", field="id")
    return f"snapshots/{snapshot_id}"


def unfinished_slice(volume_id: str) -> str:
    """Where a volume is grown at rest or copied before it takes its place; whoever erases the volume erases it too."""
    return f"scratch/unfinished-{volume_slice(volume_id).removeprefix('volumes/')}"


def scratch_slice(name: str) -> str:
    """The slice's name; Invalid for what cannot be part of a path."""
    if not _SCRATCH_NAME.match(name):
        raise Invalid(f"{name!r} cannot name a scratch file system", field="name")
    return f"scratch/{name}"
