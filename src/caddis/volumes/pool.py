"""What a pool is: the space on a host from which slices are carved. Kinds: `file` (file_pool.py); `thin` comes later.

A slice is named by kind and id: `volumes/vol_…`, `snapshots/vs_…`, `scratch/…`, `templates/…`.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from caddis.domain.sizes import GIB, MIB
from caddis.kernel.fiemap import Extent
from caddis.volumes.instant import Stillness

DEFAULT_POOL_LIMIT = 50 * GIB
SMALLEST_POOL = 5 * GIB // 4  # room for one volume of 1 GB and what the file system needs for itself


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolChoice:
    """What `--pool`, `--pool-size`, `--pool-block-size` and `--format-pool` say.

    `where`: a block device, a folder on XFS, or None for an image file in the host's data folder. `size_bytes`: of that
    image, None for the default. `format_device`: the owner said in so many words that the device may be erased; one
    that already holds a Caddis pool is opened, never formatted. `block_size`: of a file system that is made for the
    pool, None for the default; a pool that is there keeps what it was made with.
    """

    where: Path | None = None
    size_bytes: int | None = None
    format_device: bool = False
    block_size: int | None = None


class Pool(Protocol):
    """Every `ensure`-like method may be called again after a crash."""

    root: Path  # the folder with its records

    def capacity_bytes(self) -> int:
        """Bytes that may be promised to slices together."""

    def allocate(self, name: str, size_bytes: int) -> None:
        """Ensure a slice of that size, all allocated and on disk. NoCapacity, with nothing left, if it cannot be."""

    def extend(self, name: str, size_bytes: int) -> None:
        """Ensure that a slice is at least so large, all allocated and on disk; who uses its device sees it at once.

        NoCapacity, with the slice as it was, if it cannot be.
        """

    def cut_back(self, name: str, size_bytes: int) -> None:
        """Undo `extend`, before anything was written to what it gave."""

    def twin(self, origin: str, name: str) -> None:
        """Make `name` a slice that shares the bytes of `origin` until they are changed; no space is promised to it."""

    def snapshot(self, origin: str, name: str, *, still: Stillness | None) -> None:
        """Make `name`, once it is whole, what `origin` is at one instant; no space is promised to it.

        `still` holds whoever writes to `origin`; None when nobody can, or when it must be cloned in one step.
        """

    def promise(self, name: str) -> None:
        """Allocate what a copied slice lacks, and give it what it shares for its own where others might take that."""

    def extents(self, name: str) -> list[Extent]:
        """Where the written bytes of a slice lie: what two slices share has the same place."""

    def blank(self, name: str) -> None:
        """Make every byte of a slice read as zero, still allocated."""

    def make_sparse(self, name: str, size_bytes: int) -> None:
        """Make `name` a new slice of zeros without space of its own, whatever it was before: for templates."""

    def publish(self, unfinished: str, name: str) -> None:
        """Rename a slice that is now whole, with its bytes on disk."""

    def clone(self, origin: str, name: str) -> None:
        """Make `name` a new slice with the bytes of `origin`, all allocated, whatever it was before. Not synced.

        NoCapacity, with nothing left, if it cannot be.
        """

    def take_in(self, source: Path, name: str) -> None:
        """Make `name` a new slice with the bytes of a file from elsewhere, not synced. NoCapacity if it cannot be."""

    def has(self, name: str) -> bool:
        """Whether there is such a slice."""

    def size_of(self, name: str) -> int:
        """Bytes of a slice; Damaged when it is missing."""

    def opened(self, name: str, *, persistent: bool = False) -> AbstractContextManager[str]:
        """The path of the slice's block device, opened if it is not yet.

        At the end of the block it closes as soon as nothing uses it, unless it is `persistent`.
        """

    def is_device_of(self, device: int, name: str) -> bool:
        """Whether the block device of that number shows this slice."""

    def close_device(self, name: str, *, patience: float) -> bool:
        """Ensure that no device shows the slice; False if one was still in use after so many seconds."""

    def sidecar(self, name: str, suffix: str) -> Path:
        """Where a small file about a slice is kept."""

    def file(self, name: str) -> Path:
        """A file (or device) with the bytes of a slice that is at rest."""

    def list_names(self, kind: str, *, unfinished: bool = False) -> list[str]:
        """Names of the slices of a kind; with `unfinished`, also of those whose making was cut short."""

    def erase(self, name: str) -> None:
        """Ensure that the slice and its sidecars are gone. Sidecars may hold keys: they go first, overwritten."""

    def close(self) -> None:
        """Give back what opening took; the slices stay. Conflict when one is in use."""


def reserve_bytes(total: int) -> int:
    """What a pool of `total` bytes keeps for records, headers, templates and its own book-keeping.

    2 MiB for each GB: a record, a LUKS header and their inodes take 1.1 MiB of a volume of 1 GB at the most.
    """
    return 32 * MIB + total // 512


def default_pool_size(free_bytes: int) -> int:
    """A third of the free space, at most 50 GiB, in whole MiB."""
    return min(free_bytes // 3, DEFAULT_POOL_LIMIT) // MIB * MIB
