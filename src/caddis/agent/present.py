"""The book's values as the door and the reports show them: Fly's spelling, with what is seen right now filled in."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from caddis.agent.book import Book
from caddis.agent.world import World
from caddis.backups.status import StoreStatus
from caddis.domain.errors import Missing
from caddis.domain.machine import Machine, MachineState
from caddis.domain.volume import EncryptionKind, FileSystemKind, Volume
from caddis.wire.machine import machine_to_wire
from caddis.wire.snapshot import snapshot_to_wire
from caddis.wire.volume import volume_to_wire

EVENTS_SHOWN = 20


class Presenter:
    """Blocking: reads the book, and for usage the mounted file system."""

    def __init__(self, world: World, memory_mb: int, cpus: int) -> None:
        self.world = world
        self.memory_mb = memory_mb
        self.cpus = cpus
        self.store: StoreStatus | None = None  # None: snapshots are kept nowhere

    @property
    def book(self) -> Book:
        """The host's book."""
        return self.world.book

    def capacity(self) -> dict[str, Any]:
        """What this host has and has promised."""
        promised = self.book.promised()
        return {
            "host": self.world.host,
            "region": self.world.region,
            "zone": self.world.zone,
            "pool_bytes": self.world.volumes.capacity_bytes(),
            "pool_promised": promised.pool_bytes,
            "memory_mb": self.memory_mb,
            "memory_promised_mb": promised.memory_mb,
            "cpus": self.cpus,
            "encryption": str(self._default_encryption()),
            "keeps": self.world.kept.is_wanted,
            "store_problem": (self.store.reason or "") if self.store else "",
        }

    def _default_encryption(self) -> EncryptionKind:
        try:
            return self.world.volumes.choose_encryption(True, FileSystemKind.EXT4)
        except Missing:
            return EncryptionKind.NONE

    def volume(self, volume: Volume, *, observe: bool = False) -> dict[str, Any]:
        """The volume object; with `observe`, how full it is right now."""
        usage = self.world.volumes.observe_usage(volume.id) if observe else None
        kept = self.book.find_last_kept(volume.id, self.world.kept.where)
        return volume_to_wire(replace(volume, usage=usage) if usage else volume, kept=kept)

    def machine(self, machine: Machine, *, nonce: str | None = None) -> dict[str, Any]:
        """The machine object."""
        mounts = machine.config.mounts
        return machine_to_wire(
            machine,
            events=self.book.list_events(machine.id, EVENTS_SHOWN),
            volume=self.book.find_volume(mounts[0].volume) if mounts else None,
            nonce=nonce,
        )

    def find(self, kind: str, id: str) -> dict[str, Any] | None:
        """The object of an outbox line; None when it is gone for good."""
        if kind == "volume":
            volume = self.book.find_volume(id)
            return self.volume(volume) if volume else None
        if kind == "snapshot":
            snapshot = self.book.find_snapshot(id)
            return snapshot_to_wire(snapshot) if snapshot else None
        machine = self.book.find_machine(id)
        return self.machine(machine) if machine and machine.state is not MachineState.CREATING else None
