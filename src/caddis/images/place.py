"""The folder that several agents share: its paths, its locks, and its half-done things.

Locks are flock(2) on open files: they end with the process that held them and with the programs it handed them to,
however those ended. So what is locked is alive, and what is not locked may be swept.
"""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from caddis.domain.errors import NoCapacity
from caddis.kernel import libc
from caddis.kernel.durable import sync_folder

_ROOMS = ("store/blobs/sha256", "names", "rootfs", "uses", "kept", "work", "build", "locks")


@dataclass(frozen=True, slots=True)
class Work:
    """A half-done thing: a folder of one's own, and the lock that says so, to be handed to every program started."""

    folder: Path
    lock: int


class Place:
    """DATA/images. Only root may look inside: images hold programs that change their owner, and secrets."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for room in _ROOMS:
            (folder / room).mkdir(parents=True, exist_ok=True)
        folder.chmod(0o700)

    @property
    def names(self) -> Path:
        """One file per reference."""
        return self.folder / "names"

    @property
    def rootfs(self) -> Path:
        """One folder per unpacked image."""
        return self.folder / "rootfs"

    @property
    def uses(self) -> Path:
        """One folder per agent, one empty file per image that it has need of."""
        return self.folder / "uses"

    @property
    def kept(self) -> Path:
        """One file per app: the images that it can be rolled back to."""
        return self.folder / "kept"

    @property
    def work(self) -> Path:
        """Half-done things."""
        return self.folder / "work"

    @property
    def build(self) -> Path:
        """What buildah keeps."""
        return self.folder / "build"

    @property
    def blobs(self) -> Path:
        """Manifests, configs and layers."""
        return self.folder / "store" / "blobs" / "sha256"

    def blob(self, digest: str) -> Path:
        """Where the bytes of that name are kept."""
        return self.blobs / digest.removeprefix("sha256:")

    def unpacked(self, digest: str) -> Path:
        """Where the image of that name is, or would be, unpacked."""
        return self.rootfs / digest.removeprefix("sha256:")

    @contextmanager
    def in_use(self) -> Iterator[None]:
        """While this lasts nothing is forgotten. Many may hold it at once."""
        with _locked(self.folder / "locks" / "in-use", fcntl.LOCK_SH):
            yield

    @contextmanager
    def alone(self) -> Iterator[bool]:
        """True, and nobody else fetches, unpacks or builds while this lasts; or False at once."""
        try:
            with _locked(self.folder / "locks" / "in-use", fcntl.LOCK_EX | fcntl.LOCK_NB):
                yield True
        except BlockingIOError:
            yield False

    @contextmanager
    def one_at_a_time(self, what: str) -> Iterator[int]:
        """Wait until nobody else does the same, here or in another process; the lock to hand to programs."""
        with _locked(self.folder / "locks" / what.replace("/", "-"), fcntl.LOCK_EX) as fd:
            yield fd

    @contextmanager
    def working(self) -> Iterator[Work]:
        """A folder of one's own for a half-done thing; gone at the end."""
        with self._sweeping():
            folder = Path(tempfile.mkdtemp(dir=self.work))
            fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            fcntl.flock(fd, fcntl.LOCK_EX)
        try:
            yield Work(folder, fd)
        except OSError as full:
            if full.errno == errno.ENOSPC:
                raise NoCapacity(f"no space left in {self.folder} for images") from full
            raise
        finally:
            shutil.rmtree(folder)
            os.close(fd)

    def sweep(self) -> None:
        """Remove the half-done things of the dead."""
        with self._sweeping():
            for folder in self.work.iterdir():
                fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
                try:
                    fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    shutil.rmtree(folder)
                except BlockingIOError:
                    pass  # somebody is at it
                finally:
                    os.close(fd)

    def discard(self, folder: Path) -> None:
        """Make a big folder vanish at once, then delete it; a crash in between leaves it to the sweep."""
        with self.working() as work:
            os.rename(folder, work.folder / "discarded")
            sync_folder(folder.parent)

    def sync(self) -> None:
        """Everything written here is on disk when this returns. One call for thousands of small files."""
        fd = os.open(self.folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            libc.syncfs(fd)
        finally:
            os.close(fd)

    def _sweeping(self) -> _Lock:
        # Between its making and its locking a new folder looks like one of the dead: hence one lock around both.
        return _locked(self.folder / "locks" / "work", fcntl.LOCK_EX)


class _Lock:
    """A file that is open and locked."""

    def __init__(self, path: Path, how: int) -> None:
        self._path, self._how, self._fd = path, how, -1

    def __enter__(self) -> int:
        self._fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._fd, self._how)
        except BlockingIOError:
            os.close(self._fd)
            raise
        return self._fd

    def __exit__(self, *_: object) -> None:
        os.close(self._fd)


def _locked(path: Path, how: int) -> _Lock:
    return _Lock(path, how)
