"""Opening this host's book, pool, images, network and runtime, and giving them back."""

from __future__ import annotations

import contextlib
import os
import secrets
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from caddis.agent.book import Book, Writer
from caddis.agent.options import Options
from caddis.agent.world import World
from caddis.backups.kept import KeptSnapshots
from caddis.domain.clock import Seen
from caddis.domain.ids import ENTROPY_BYTES
from caddis.domain.io_limits import IoPolicy
from caddis.domain.sizes import MIB
from caddis.images.source import OwnRegistry
from caddis.images.store import ImageStore
from caddis.machines.root import Roots
from caddis.machines.runtimes.runc import RuncRuntime
from caddis.machines.sealing import open_seal
from caddis.network.host import HostNetwork
from caddis.volumes.pool import PoolChoice
from caddis.volumes.store import VolumeStore, open_store

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


@dataclass(frozen=True, slots=True)
class OpenWorld:
    """The world, and how to leave it."""

    world: World
    store: VolumeStore
    network: HostNetwork
    run: Path

    def close(self) -> None:
        """Close the book. Everything in the kernel stays: machines run on."""
        self.world.book.close()

    def detach(self) -> None:
        """Nothing of this host is left in the kernel or below /run; its machines must have been torn down."""
        self.network.remove_host()
        self.world.book.close()
        self.store.close()
        (self.run / "agent.sock").unlink(missing_ok=True)
        for folder, _below, _files in os.walk(self.run, topdown=False):
            _remove_if_empty(folder)
        _remove_if_empty(self.run.parent)


def open_world(options: Options) -> OpenWorld:
    """Open everything; what an earlier agent left mounted and running is adopted as it is."""
    logs = options.folder / "logs"
    logs.mkdir(parents=True, exist_ok=True, mode=0o700)
    choice = PoolChoice(
        where=Path(options.pool) if options.pool else None,
        size_bytes=options.pool_size,
        format_device=options.format_pool,
        block_size=options.pool_block_size,
    )
    store = open_store(choice, host=options.host, data=options.folder, run=options.run)
    network = HostNetwork(options.instance, options.host, data=options.folder)
    network.ensure_host()
    book = Book(options.folder / "book.sqlite")
    book.write(Writer.delete_holds)  # `open_store` has swept away what they were for
    world = World(
        host=options.host,
        region=options.region,
        zone=options.zone,
        book=book,
        volumes=store,
        kept=KeptSnapshots(options.data, host=options.host),
        images=ImageStore(options.data / "images", agent=options.host, own=_own_registry(options)),
        runtime=RuncRuntime(options.run, logs, f"/caddis-{options.instance}-{options.host}"),
        roots=Roots(options.run),
        network=network,
        sealing=open_seal(options.folder / "wrapping.key"),
        now=lambda: datetime.now(UTC),
        look=_look,
        entropy=lambda: secrets.token_bytes(ENTROPY_BYTES),
        io_policy=IoPolicy(options.io_limits),
    )
    return OpenWorld(world, store, network, options.run)


def _own_registry(options: Options) -> OwnRegistry | None:
    if not options.registry:
        return None
    return OwnRegistry(address=options.registry, access=options.folder / "registry.json")


def _remove_if_empty(folder: str | Path) -> None:
    with contextlib.suppress(OSError):
        os.rmdir(folder)


def _look() -> Seen:
    uptime = time.clock_gettime(time.CLOCK_BOOTTIME)
    return Seen(wall=datetime.now(UTC), boot=_BOOT_ID.read_text().strip(), uptime=uptime)


def measure_memory_mb() -> int:
    """Memory of this computer in MB of 2**20 bytes."""
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // MIB


def count_cpus() -> int:
    """CPUs that this process may use."""
    return len(os.sched_getaffinity(0))
