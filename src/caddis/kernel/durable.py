"""Files that are wholly there or not at all, also after a power cut."""

from __future__ import annotations

import os
from pathlib import Path

_PRIVATE = 0o600


def sync_folder(folder: Path) -> None:
    """Names made, changed or removed in `folder` are on disk when this returns."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def write_whole(path: Path, content: bytes, *, mode: int = _PRIVATE, temporary: Path | None = None) -> None:
    """Replace whatever `path` was by `content`; readers and power cuts see the old or the new, never a part.

    It is written at `temporary` first (same file system; by default one name beside it): several writers of one path
    give one of their own each.
    """
    temporary = temporary or path.with_name(f".{path.name}.new")
    _write_synced(temporary, content, mode)
    os.replace(temporary, path)
    sync_folder(path.parent)


def create_whole(path: Path, content: bytes, *, mode: int = _PRIVATE, temporary: Path | None = None) -> bool:
    """Like `write_whole`, but True only if `path` did not exist; what exists is never touched."""
    temporary = temporary or path.with_name(f".{path.name}.{os.getpid()}.new")
    _write_synced(temporary, content, mode)
    try:
        os.link(temporary, path)  # unlike rename, it refuses where the name is taken
    except FileExistsError:
        return False
    finally:
        os.unlink(temporary)
        sync_folder(path.parent)
    return True


def overwrite_and_unlink(path: Path) -> bool:
    """Put zeros over a small file's bytes, on disk, then remove it; False when there was none.

    Overwriting is in place on file systems without copy-on-write for unshared blocks (XFS, ext4); what a disk's own
    remapping keeps is beyond our reach. The caller syncs the folder.
    """
    try:
        fd = os.open(path, os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        left = os.fstat(fd).st_size
        while left > 0:
            left -= os.write(fd, bytes(min(left, 1 << 20)))
        os.fsync(fd)
    finally:
        os.close(fd)
    os.unlink(path)
    return True


def _write_synced(path: Path, content: bytes, mode: int) -> None:
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, mode)
    try:
        view = memoryview(content)
        while view:
            view = view[os.write(fd, view) :]
        os.fsync(fd)
    finally:
        os.close(fd)
