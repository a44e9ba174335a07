"""Saving a stream as a file that is there under its name only once it is whole, and telling how far it is."""

from __future__ import annotations

import os
import secrets
import shutil
import stat
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from caddis.cli.call import Call
from caddis.domain.errors import Conflict, Invalid, NotFound, Problem
from caddis.domain.sizes import format_bytes

_EVERY = 0.2  # seconds


def check_free(path: Path, *, force: bool, folder: bool = False) -> None:
    """Conflict when there is something already, unless it may go; NotFound when there is no such folder.

    Only a plain file is ever replaced, and only by one: not a link, and not what is in /dev.
    """
    if not path.parent.is_dir():
        raise NotFound(f"there is no folder {path.parent}")
    if not os.path.lexists(path):
        return
    replaceable = stat.S_ISREG(path.lstat().st_mode) and not folder
    if not (force and replaceable):
        hint = "use another name" + (", or --force to replace it" if replaceable else "")
        raise Conflict(f"{path} exists already and was not touched", hint=hint)


@contextmanager
def saved(path: Path, *, force: bool, mode: int = 0o666) -> Iterator[IO[bytes]]:
    """A file to write to, which gets its name at the end of the block; whatever breaks the block leaves nothing."""
    check_free(path, force=force)
    unfinished = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    fd = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    try:
        with os.fdopen(fd, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        if force:
            os.replace(unfinished, path)
        else:
            _take_name(unfinished, path)
    finally:
        unfinished.unlink(missing_ok=True)


def saved_folder(path: Path, parts: Iterator[bytes]) -> Sequence[str]:
    """Unpack a tar as a folder, which gets its name at the end; what was left out. Nothing is there if it fails."""
    from caddis.kernel.tar.parts import reader_of
    from caddis.kernel.tar.unpack import unpack

    unfinished = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    unfinished.mkdir(mode=0o700)
    try:
        outcome = unpack(str(unfinished), reader_of(parts), owners=os.geteuid() == 0)
        if outcome.problem or outcome.full:
            raise Problem(f"not all of it could be saved: {outcome.problem or 'the disk is full'}")
        os.rename(unfinished, path)
    except BaseException:
        shutil.rmtree(unfinished, ignore_errors=True)
        raise
    return outcome.named


def _take_name(unfinished: Path, path: Path) -> None:
    try:
        os.link(unfinished, path)  # unlike rename, it refuses where the name was taken meanwhile
    except FileExistsError:
        raise Conflict(f"{path} exists by now and was not touched", hint="use another name") from None
    except OSError:  # a file system without links
        check_free(path, force=False)
        os.replace(unfinished, path)


class Progress:
    """One line on a terminal's stderr that tells how much there is; nothing elsewhere."""

    def __init__(self, call: Call, doing: str) -> None:
        self._doing = doing
        self._shown = sys.stderr.isatty() and os.environ.get("TERM") != "dumb" and not call.json
        self._begun = self._last = time.monotonic()
        self.count = 0

    def add(self, count: int) -> None:
        """So many bytes more."""
        self.count += count
        now = time.monotonic()
        if self._shown and now - self._last > _EVERY:
            self._last = now
            rate = format_bytes(int(self.count / (now - self._begun)))
            print(f"\r{self._doing} {format_bytes(self.count)} ({rate}/s)\x1b[K", end="", file=sys.stderr, flush=True)

    def end(self) -> None:
        """Take the line away."""
        if self._shown:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)

    def over(self, parts: Iterator[bytes]) -> Iterator[bytes]:
        """The parts, counted."""
        try:
            for part in parts:
                self.add(len(part))
                yield part
        finally:
            self.end()


def choose_local(path: str, local: str) -> Path:
    """Where something of that remote path goes: to `local`, or under its own name there if that is a folder."""
    own = path.rstrip("/").rpartition("/")[2]
    if local and not os.path.isdir(local):
        return Path(local)
    if own in ("", ".", ".."):
        raise Invalid(f"{path} has no name of its own: say where to put it", hint="add a name at the end")
    return Path(local or ".") / own
