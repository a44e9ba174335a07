"""A host of fakes for the crash matrix. The fakes stand for kernel and disk: they survive the agent's death."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cases import IMAGE
from matrix import Script, run

from caddis.agent.book import Book
from caddis.agent.world import World
from caddis.domain.clock import Seen
from caddis.machines.sealing import Seal
from caddis.telemetry.seam import watch
from fakes.images import FakeImages
from fakes.kept import FakeKept
from fakes.network import FakeNetwork
from fakes.roots import FakeRoots
from fakes.runtime import FakeRuntime
from fakes.volumes import FakeVolumes

NOW = datetime(2026, 11, 24, tzinfo=UTC)


class Sent:
    """An upload whose bytes are all here."""

    def __init__(self, content: bytes) -> None:
        self._parts = iter([content])

    def read(self) -> bytes:
        return next(self._parts, b"")


class FakeStage:
    """See matrix.Stage."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="caddis-crash-")
        folder = Path(self._folder.name)
        self._book_path = folder / "book.sqlite"
        self.volumes = FakeVolumes()
        self.kept = FakeKept(self.volumes)
        self.roots = FakeRoots(folder / "roots")
        self.network = FakeNetwork()
        self.network.ensure_host()
        self.runtime = FakeRuntime()
        self.images = FakeImages(IMAGE)
        self.world = self._open()

    def _open(self) -> World:
        return World(
            host="h1",
            region="lhr",
            zone="a1f0",
            book=Book(self._book_path),
            volumes=self.volumes,
            kept=self.kept,
            images=self.images,
            runtime=self.runtime,
            roots=self.roots,
            network=self.network,
            sealing=Seal(bytes(32)),
            now=lambda: NOW,
            look=lambda: Seen(wall=NOW, boot="b", uptime=0.0),
            entropy=lambda: b"0123456789abcdef",
        )

    def walk(self, operation: str, inputs: Mapping[str, Any], id: str, subject: str, script: Script) -> None:
        with watch(script):
            run(self, operation, inputs, id, subject)

    def send(self, id: str, content: bytes) -> None:
        self.world.uploads.put(id, Sent(content))

    def reopen(self) -> None:
        self.world.book.close()
        self.world = self._open()

    def move_away(self, volume_id: str, snapshot_id: str) -> str:
        other = self.volumes.elsewhere["/elsewhere"] = FakeVolumes()
        other.images[volume_id] = self.volumes.images[volume_id]
        other.records[volume_id] = self.volumes.records[volume_id]
        other.snapshots[snapshot_id] = self.volumes.snapshots[snapshot_id]
        other.snapshot_records[snapshot_id] = self.volumes.snapshot_records[snapshot_id]
        self.volumes.erase_snapshot(snapshot_id)
        self.volumes.erase(volume_id)
        return "/elsewhere"

    def leftovers(self) -> list[str]:
        parts: list[Callable[[], list[str]]] = [
            self.volumes.leftovers,
            self.kept.leftovers,
            self.roots.leftovers,
            self.network.leftovers,
            self.runtime.leftovers,
        ]
        alive = {f"log {machine.id}" for machine in self.world.book.list_machines()}  # a machine keeps its log
        return [line for part in parts for line in part() if line not in alive] + rows(self.world)

    def close(self) -> None:
        self.world.book.close()
        self._folder.cleanup()


def rows(world: World) -> list[str]:
    """The book's machines and volumes, with what they hold."""
    volumes = [f"row {one.id} attached to {one.attached_machine_id}" for one in world.book.list_volumes()]
    machines = [f"row {one.id}" for one in world.book.list_machines(destroyed=True)]
    leases = [f"lease of {one.id}" for one in world.book.list_machines() if world.book.find_lease(one.id)]
    snapshots = [f"row {one.id} holds {one.held_bytes}" for one in world.book.list_snapshots() if not one.problem]
    return volumes + machines + leases + snapshots
