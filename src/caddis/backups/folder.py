"""A store in a folder: another disk, or a file system of the network. Each object is a file, fsynced with its folder.

Written by hand and not with obstore's local store, which renames into place but leaves file and folder to the page
cache: after a power cut a kept snapshot could be a list of empty files.
"""

from __future__ import annotations

import errno
import itertools
import os
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from caddis.backups.objects import Stored, StoreFailed, check_name
from caddis.kernel.durable import create_whole, sync_folder, write_whole

_UNFINISHED = ".unfinished"  # a name that no object has
_STALE_SECONDS = 86_400
_FULL = {errno.ENOSPC, errno.EDQUOT}
_CLOSED = {errno.EROFS, errno.EACCES, errno.EPERM}


class FolderObjects:
    """Objects as files below `root`, which must exist. What hangs in the kernel (a dead NFS server) hangs here too."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._writer = secrets.token_hex(8)  # several hosts may write into one folder
        self._count = itertools.count()
        with self._told():
            self._identity = self._identify()
            self._sweep()

    def __repr__(self) -> str:
        return f"FolderObjects({str(self._root)!r})"

    @property
    def where(self) -> str:
        """The folder as a URL."""
        return f"file://{self._root}"

    def put(self, name: str, content: bytes) -> None:
        """See Objects."""
        with self._told():
            path = self._place(name)
            with self._unfinished() as temporary:
                write_whole(path, content, temporary=temporary)

    def put_new(self, name: str, content: bytes) -> bool:
        """See Objects."""
        with self._told():
            path = self._place(name)
            with self._unfinished() as temporary:
                return create_whole(path, content, temporary=temporary)

    def find(self, name: str) -> bytes | None:
        """See Objects."""
        with self._told():
            path = self._path(name)
            try:
                return path.read_bytes()
            except FileNotFoundError:
                return None

    def exists(self, name: str) -> bool:
        """See Objects."""
        with self._told():
            return self._path(name).is_file()

    def list_objects(self, folder: str) -> Iterator[Stored]:
        """See Objects; in order of name."""
        with self._told():
            path = self._path(folder)
        for found in self._walk(path):
            with self._told():
                try:
                    size = found.stat().st_size
                except FileNotFoundError:
                    continue  # deleted meanwhile
            yield Stored(str(found.relative_to(self._root)), size)
        with self._told():
            self._path(folder)  # a disk that went away meanwhile has not shown everything

    def delete(self, name: str) -> None:
        """See Objects."""
        with self._told():
            path = self._path(name)
            try:
                path.unlink()
            except FileNotFoundError:
                return
            sync_folder(path.parent)

    def _walk(self, folder: Path) -> Iterator[Path]:
        with self._told():
            try:
                with os.scandir(folder) as entries:
                    found = sorted((entry.name, entry.is_dir(follow_symlinks=False)) for entry in entries)
            except FileNotFoundError:
                return
        for name, is_folder in found:
            if is_folder:
                yield from self._walk(folder / name)
            elif not name.startswith("."):
                yield folder / name

    def _path(self, name: str) -> Path:
        """Where the object is. A disk that was unmounted must not look like an empty store, nor be written beside."""
        if self._identify() != self._identity:
            raise StoreFailed(
                f"the store {self.where} is not the folder that was opened: was its disk unmounted?",
                hint=f"mount it again on {self._root}",
            )
        return self._root / check_name(name)

    def _place(self, name: str) -> Path:
        path = self._path(name)
        self._ensure_folder(path.parent)
        return path

    def _ensure_folder(self, folder: Path) -> None:
        if folder == self._root or folder.is_dir():
            return
        self._ensure_folder(folder.parent)
        folder.mkdir(mode=0o700, exist_ok=True)
        sync_folder(folder.parent)

    @contextmanager
    def _unfinished(self) -> Iterator[Path]:
        """A name of one's own to write at. What is left there takes room, which a full disk has not."""
        folder = self._root / _UNFINISHED
        folder.mkdir(mode=0o700, exist_ok=True)
        path = folder / f"{self._writer}-{next(self._count)}"
        try:
            yield path
        finally:
            path.unlink(missing_ok=True)

    def _sweep(self) -> None:
        """What writers that were killed have left; younger files may belong to another host that is writing now."""
        try:
            leftovers = list((self._root / _UNFINISHED).iterdir())
        except FileNotFoundError:
            return
        for path in leftovers:
            try:
                if path.stat().st_mtime < time.time() - _STALE_SECONDS:
                    path.unlink()
            except OSError:
                continue  # gone meanwhile, or not ours to remove: a store that is read-only can still be read

    def _identify(self) -> tuple[int, int]:
        status = os.stat(self._root)
        return status.st_dev, status.st_ino

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Turns the kernel's refusals into plain sentences."""
        try:
            yield
        except OSError as refused:
            raise self._problem(refused) from refused

    def _problem(self, refused: OSError) -> StoreFailed:
        if refused.errno in _FULL:
            return StoreFailed(
                f"the store {self.where} is full", hint="make room there, or shorten the retention of snapshots"
            )
        if refused.errno in _CLOSED:
            return StoreFailed(f"the store {self.where} cannot be written or read: {refused.strerror}")
        if refused.errno == errno.ENOENT and not self._root.exists():
            return StoreFailed(
                f"the store {self.where} is gone: there is no such folder", hint="mount its disk, or create the folder"
            )
        return StoreFailed(f"the store {self.where} does not work: {refused.strerror or refused}")
