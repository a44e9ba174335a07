"""What the agent's recipes ask of the trades. The real trades and the fakes of the crash tests both answer to this.

Every method named as an ensure may be called again after a crash, with half of its work done or all of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Protocol

from caddis.agent.book import Book
from caddis.agent.uploads import Uploads
from caddis.backups.status import StoreStatus
from caddis.domain.adoption import Adoption
from caddis.domain.clock import Seen
from caddis.domain.files import ExportFormat, FileInfo, Listing
from caddis.domain.image import ImageConfig
from caddis.domain.io_limits import IoLimits, IoPolicy
from caddis.domain.secret import MachineSecrets
from caddis.domain.snapshot import Origin, Snapshot
from caddis.domain.volume import EncryptionKind, FileSystemKind, Usage, Volume
from caddis.machines.accounts import Account
from caddis.machines.plan import ExecResult, ExitReport, LaunchPlan, ProcessInfo, SessionPlan
from caddis.machines.sessions import Session
from caddis.network.addresses import Addresses


class Volumes(Protocol):
    """caddis.volumes.store.VolumeStore"""

    def capacity_bytes(self) -> int:
        """Bytes that may be promised to volumes and scratch file systems together."""

    def choose_encryption(self, encrypted: bool, fstype: FileSystemKind) -> EncryptionKind:
        """The kind this host uses; Missing or Invalid, plainly, when it has none for what is asked."""

    def make_key(self, volume_id: str) -> str:
        """A new random key, wrapped with the host's wrapping key and bound to the volume's id, as base64."""

    def allocate(self, volume_id: str, size_gb: int) -> None:
        """Ensure an image of that size, all of it allocated and on disk."""

    def extend(self, volume_id: str, size_gb: int) -> None:
        """Ensure that the image has that size, all of it allocated and on disk. NoCapacity, with it as it was."""

    def cut_back(self, volume_id: str, size_gb: int) -> None:
        """Undo `extend`, before `grow`."""

    def grow(self, volume: Volume) -> bool:
        """Ensure that a mounted file system fills its image; True where it will only do so at the next mount."""

    def format(self, volume: Volume) -> None:
        """Put a file system with the volume's identity on it. Destroys what is there: only during creation."""

    def adopt_image(self, adoption: Adoption) -> None:
        """Ensure that the pool has a copy of an image of another pool, on disk. Conflict while someone uses that."""

    def adopt_record(self, adoption: Adoption, held_bytes: int) -> None:
        """Ensure its record, with this host's region and zone and the key wrapped for this host."""

    def leave(self, adoption: Adoption) -> None:
        """Undo both: nothing of it is in this host's pool."""

    def read_record(self, volume_id: str) -> Volume:
        """What the record beside the image says; Damaged when it cannot be trusted."""

    def read_snapshot_record(self, snapshot_id: str) -> Snapshot:
        """As `read_record`, of a snapshot."""

    def write_record(self, volume: Volume) -> None:
        """Ensure the self-describing record beside the image, on disk."""

    def mount(self, volume: Volume) -> str:
        """Ensure it is opened, its identity checked, unlocked and mounted; the folder (or raw device) to hand on.

        WrongVolume, with everything given back, when the device does not carry the volume's identity.
        """

    def unmount(self, volume_id: str) -> None:
        """Ensure it is unmounted, locked and its device closed."""

    def observe_usage(self, volume_id: str) -> Usage | None:
        """statfs if it is mounted."""

    def snapshot_bound(self, volume_id: str) -> int:
        """Bytes of the pool that a snapshot taken now would hold at most, but for what is written meanwhile."""

    def take_snapshot(self, origin: Origin, snapshot_id: str) -> None:
        """Ensure a snapshot of the volume as it is at one instant, on disk; one that is there is kept as it is."""

    def held_bytes(self, snapshot_id: str, older: str | None) -> int:
        """Bytes that only this snapshot holds, seen from the older one before it."""

    def write_snapshot_record(self, snapshot: Snapshot) -> None:
        """Ensure the self-describing record beside the snapshot, on disk."""

    def erase_snapshot(self, snapshot_id: str) -> None:
        """Ensure that it is gone with its record, on disk."""

    def list_changes(self, base: str, snapshot_id: str) -> list[tuple[int, int]]:
        """Offset and length of every range in which the snapshot may differ from the base, another local one."""

    def snapshot_files(self, origin: Origin, snapshot_id: str) -> dict[str, Path]:
        """The files that a snapshot is: its image, and of LUKS its header."""

    def open_key(self, origin: Origin) -> bytes | None:
        """The volume's key in the clear, to be wrapped for elsewhere at once; None when it has none."""

    def close_key(self, key: bytes, volume_id: str) -> str:
        """A key from elsewhere, wrapped with the host's wrapping key and bound to the volume."""

    def begin_copy(self, volume: Volume, image_bytes: int) -> dict[str, Path] | None:
        """Ensure the files of a volume in the making, to be filled; None when it is whole already."""

    def finish_copy(self, volume: Volume, origin_id: str) -> None:
        """Ensure that what was filled is the volume, with its own identity."""

    def rewrap_key(self, origin: Origin, volume_id: str) -> str | None:
        """The origin's key, wrapped for a volume that is made of its bytes."""

    def copy(self, volume: Volume, origin: Origin, snapshot_id: str | None) -> None:
        """Ensure that the volume is a copy of the snapshot, or, without one, of its origin as it is at one instant."""

    def open_view(self, view: str, origin: Origin, snapshot_id: str | None) -> str:
        """Ensure a read-only look at a snapshot, or at the volume as it is now; its folder, or a raw device."""

    def close_view(self, view: str) -> None:
        """Ensure that nothing of it is left."""

    def list_folder(self, root: str, path: bytes) -> Listing:
        """What a folder of a view (`root` is its folder) holds, or the one file; NotFound."""

    def read_file(self, root: str, path: bytes) -> tuple[FileInfo, Iterator[bytes]]:
        """A file of a view and its content; NotFound, or Conflict when it is no file."""

    def pack_folder(self, root: str, path: bytes) -> Iterator[bytes]:
        """A folder of a view as a tar; NotFound, or Conflict when it is no folder."""

    def export(self, view: str, origin: Origin, root: str, format: ExportFormat) -> Iterator[bytes]:
        """All that a view shows, as one zstd stream."""

    def fill(self, volume: Volume, read: Callable[[], bytes], room: Callable[[int], None]) -> list[str]:
        """Put what is read (b"" at the end) into a new, empty volume, on disk; what had to be left out of it.

        `room` is asked before more bytes of the pool are taken. Invalid when what is read is not whole.
        """

    def erase(self, volume_id: str) -> None:
        """Ensure that image, record and everything else of it is gone from the pool."""

    def mount_scratch(self, name: str, size_gb: int) -> str:
        """Ensure an empty file system of that size (0: the default), mounted; its folder."""

    def unmount_scratch(self, name: str) -> None:
        """Ensure it is unmounted, closed and deleted."""


class KeptSnapshot(Protocol):
    """caddis.backups.kept.KeptSnapshot"""

    @property
    def image_bytes(self) -> int:
        """Size of the image."""

    @property
    def origin(self) -> Origin:
        """Whose it is; without its key."""

    def open_key(self) -> bytes | None:
        """The volume's key in the clear; None when it has none."""

    def restore(self, part: str, target: Path) -> None:
        """Make the file the bytes of `image` or `header`, on disk; goes on where an earlier call was cut short."""


class Kept(Protocol):
    """caddis.backups.kept.KeptSnapshots"""

    @property
    def is_wanted(self) -> bool:
        """Whether snapshots are to be kept at all."""

    @property
    def where(self) -> str:
        """The store's address, "" for none."""

    def probe(self, now: datetime) -> StoreStatus:
        """Whether the store can be used now. Never raises a Problem."""

    def ship(
        self,
        snapshot: Snapshot,
        parts: Mapping[str, Path],
        *,
        key: bytes | None,
        base: str | None,
        changed: Iterable[tuple[int, int]] | None,
    ) -> int:
        """Ensure that the snapshot is kept; the bytes that it took. `base`: the kept one that `changed` is from."""

    def is_kept(self, volume_id: str, snapshot_id: str) -> bool:
        """Whether the store has it whole."""

    def open_kept(self, volume_id: str, snapshot_id: str) -> KeptSnapshot:
        """A kept snapshot, to make a volume of; NotFound or Damaged, naming it."""

    def forget(self, volume_id: str, snapshot_id: str) -> None:
        """Ensure that the store has it no longer."""

    def collect(self) -> object:
        """Delete the chunks that no snapshot names. Conflict while anything is shipped."""


class Images(Protocol):
    """caddis.images.store.ImageStore"""

    def ensure(self, reference: str) -> ImageConfig:
        """Fetched and unpacked; NotFound or Invalid, plainly, when it does not exist or is corrupt."""

    def get_config(self, digest: str) -> ImageConfig:
        """What an unpacked image asks for."""

    def rootfs(self, digest: str) -> str:
        """The folder of an unpacked image, never to be written to."""

    def forget_unused(self, digests_in_use: Sequence[str]) -> None:
        """Delete what no machine uses and nobody used for a while."""

    def keep(self, app: str, images: Sequence[Mapping[str, str]]) -> None:
        """Do not forget these (`reference`, `digest`): the app can be rolled back to them. None lets its others go."""

    def build(
        self, context_tar: str, *, tag: str, options: Mapping[str, object], on_line: Callable[[str], None]
    ) -> str:
        """Build a Dockerfile from a context tarball; the reference under which every agent here finds the image."""


class Runtime(Protocol):
    """caddis.machines.runtimes.runc.RuncRuntime; `name` is the machine's id."""

    def launch(self, plan: LaunchPlan) -> int:
        """Ensure the process of this launch runs; the pid to watch (it ends when the machine has ended)."""

    def find_watched_pid(self, name: str) -> int | None:
        """The pid to watch of a machine that is still running, whoever started it; None when it is not."""

    def read_exit(self, name: str) -> ExitReport | None:
        """How it ended; None while it runs or when nobody saw it."""

    def signal(self, name: str, signal: int) -> None:
        """Send to the machine's main process; silent when that is gone."""

    def kill_all(self, name: str) -> None:
        """SIGKILL to every process of the machine."""

    def delete(self, name: str) -> None:
        """Ensure that no process, cgroup, container record or bundle of it is left. Its log stays."""

    def execute(
        self, name: str, argv: Sequence[str], *, stdin: bytes, timeout: float, env: Mapping[str, str]
    ) -> ExecResult:
        """Run a program inside, to its end."""

    def open_session(self, name: str, plan: SessionPlan) -> Session:
        """Start a program that someone sits at; it must be given to `close_session`, once."""

    def close_session(self, name: str, session: Session, *, hang_up: bool) -> tuple[int, bytes]:
        """Its exit status and a last word, once its streams have ended; or `hang_up` on it, whatever it does."""

    def end_strays(self) -> None:
        """End what was run inside for someone by an agent that is no more."""

    def open_root(self, name: str) -> int:
        """A descriptor of the root that its programs see, for the caller to close."""

    def find_account(self, name: str, user: str) -> Account:
        """Who `user` is inside."""

    def list_processes(self, name: str) -> list[ProcessInfo]:
        """What runs inside."""

    def list_names(self) -> list[str]:
        """Every machine of which the runtime knows something."""

    def limit_io(self, name: str, destination: str, limits: IoLimits) -> None:
        """Change what it may do to the bind at `destination` from now on; silent when it does not run."""

    def log_path(self, name: str) -> str:
        """Where its output is kept."""

    def forget_log(self, name: str) -> None:
        """Ensure that its log is gone."""


class Roots(Protocol):
    """caddis.machines.root.Roots: the overlay of an unpacked image and a scratch file system."""

    def mount(self, name: str, rootfs: str, scratch: str, *, devices: bool = False) -> str:
        """Ensure the overlay is mounted; its folder. `devices`: nodes in it can be opened."""

    def write_file(self, name: str, guest_path: str, content: bytes, mode: int) -> None:
        """Write a file inside the mounted root, never following a link out of it."""

    def unmount(self, name: str) -> None:
        """Ensure it is unmounted and its mount point gone."""


class Sealing(Protocol):
    """caddis.machines.sealing.Seal"""

    def seal(self, secrets: MachineSecrets, machine_id: str) -> str:
        """What the machine gets of its app's secrets, closed with a key of this host; "" when that is nothing."""

    def open(self, sealed: str, machine_id: str) -> MachineSecrets:
        """What was sealed for that machine; Damaged when the host's key is another one by now."""


class Network(Protocol):
    """caddis.network.host.HostNetwork"""

    def ensure_host(self) -> None:
        """Ensure the bridge, its addresses and the way out."""

    def addresses(self, slot: int) -> Addresses:
        """The addresses of a slot, 1 to `slots`; pure."""

    @property
    def slots(self) -> int:
        """How many machines this host has addresses for."""

    def connect(self, name: str, addresses: Addresses) -> str:
        """Ensure a network namespace with these addresses; its path."""

    def disconnect(self, name: str) -> None:
        """Ensure that namespace and links are gone."""

    def list_connected(self) -> list[str]:
        """Names that have a namespace on this host."""

    def remove_host(self) -> None:
        """Ensure that the bridge and the firewall's table are gone."""


@dataclass(frozen=True, slots=True)
class World:
    """Everything a step may touch."""

    host: str
    region: str
    zone: str
    book: Book
    volumes: Volumes
    kept: Kept
    images: Images
    runtime: Runtime
    roots: Roots
    network: Network
    sealing: Sealing
    now: Callable[[], datetime]
    look: Callable[[], Seen]
    entropy: Callable[[], bytes]
    io_policy: IoPolicy = IoPolicy.OFF
    uploads: Uploads = field(default_factory=Uploads)
