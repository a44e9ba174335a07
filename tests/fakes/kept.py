"""A store of kept snapshots in memory, beside the fake volumes whose images it takes and gives."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from caddis.backups.status import StoreStatus
from caddis.domain.errors import NotFound
from caddis.domain.sizes import gb_to_bytes
from caddis.domain.snapshot import Origin, Snapshot
from fakes.volumes import FakeVolumes


@dataclass
class FakeKeptSnapshot:
    """The `KeptSnapshot` protocol of agent/world.py."""

    volumes: FakeVolumes
    image: Any
    origin: Origin
    key: bytes | None

    @property
    def image_bytes(self) -> int:
        """By its size."""
        return gb_to_bytes(self.image.size_gb)

    def open_key(self) -> bytes | None:
        """As it was shipped."""
        return self.key

    def restore(self, part: str, target: Path) -> None:
        """Into the unfinished image of that path."""
        assert part == "image"
        self.volumes.unfinished[target.name] = replace(self.image, files=dict(self.image.files))


class FakeKept:
    """The `Kept` protocol of agent/world.py."""

    is_wanted = True
    where = "fake://store"

    def __init__(self, volumes: FakeVolumes) -> None:
        self._volumes = volumes
        self.kept: dict[tuple[str, str], FakeKeptSnapshot] = {}

    def leftovers(self) -> list[str]:
        """Everything that is kept."""
        return [f"kept {snapshot}" for _, snapshot in sorted(self.kept)]

    def probe(self, now: datetime) -> StoreStatus:
        """Always green."""
        return StoreStatus(None, now)

    def ship(
        self,
        snapshot: Snapshot,
        parts: Mapping[str, Path],
        *,
        key: bytes | None,
        base: str | None,
        changed: Iterable[tuple[int, int]] | None,
    ) -> int:
        """Takes the image as it is."""
        image = self._volumes.snapshots[parts["image"].name]
        origin = replace(snapshot.origin, wrapped_key=None)
        twin = replace(image, files=dict(image.files))
        self.kept[snapshot.volume_id, snapshot.id] = FakeKeptSnapshot(self._volumes, twin, origin, key)
        return sum(map(len, image.files.values()))

    def is_kept(self, volume_id: str, snapshot_id: str) -> bool:
        """Whether it was shipped."""
        return (volume_id, snapshot_id) in self.kept

    def open_kept(self, volume_id: str, snapshot_id: str) -> FakeKeptSnapshot:
        """NotFound unless it was shipped."""
        if not self.is_kept(volume_id, snapshot_id):
            raise NotFound(f"the store has no snapshot {snapshot_id} of volume {volume_id}")
        return self.kept[volume_id, snapshot_id]

    def forget(self, volume_id: str, snapshot_id: str) -> None:
        """It is kept no longer."""
        self.kept.pop((volume_id, snapshot_id), None)

    def collect(self) -> None:
        """Nothing to do."""
