"""Writing the members of a tar into a folder, whoever made the tar.

As a program (`python -m caddis.kernel.tar.unpack FOLDER [devices]`) it first makes that folder its root directory, so
that nothing in the archive can reach further, bounds its own memory, and ends with one line of JSON. No member goes
through a symbolic link, names with `..` are refused, and device nodes are left out unless they are asked for (volumes
are mounted `nodev`), but for the 0/0 ones with which overlay file systems mark what is deleted.
"""

from __future__ import annotations

import errno
import json
import os
import resource
import stat
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

from caddis.kernel.tar.format import BadTar, Kind, Member, Reader

_MEMORY = 2 << 30  # bytes of address space
_BLOCK = 4096
_NAMED = 20  # how many of those left out are named
_FULL = (errno.ENOSPC, errno.EDQUOT)


class Unfit(Exception):
    """The archive holds what cannot be kept; the message is for people."""


@dataclass(slots=True)
class Outcome:
    """What became of it. `bytes` and `inodes` are what all of it needs; `full`: it did not fit. `problem`: why not."""

    files: int = 0
    bytes: int = 0
    inodes: int = 0
    full: bool = False
    left_out: int = 0
    named: list[str] = field(default_factory=list)
    problem: str = ""


class Unpacker:
    """Into `top`, which ends with a slash. With `owners`, files belong to whom the archive says (root only)."""

    def __init__(self, top: bytes, *, owners: bool, devices: bool) -> None:
        self._top = top
        self._devices = devices
        self._owners = owners
        self._known = {b""}
        self._folders: list[tuple[bytes, Member]] = []
        self.outcome = Outcome()

    def unpack(self, read: Callable[[int], bytes]) -> None:
        """All of it; when there is no room, the rest is only counted. BadTar, Unfit."""
        reader = Reader(read)
        for member in reader.members():
            self._count(member)
            if self.outcome.full:
                continue
            try:
                self._write(reader, member)
            except OSError as refused:
                if refused.errno not in _FULL:
                    raise Unfit(f"{_shown(member.name)} cannot be kept: {refused.strerror}") from None
                self.outcome.full = True
            except ValueError as odd:
                raise Unfit(f"{_shown(member.name)} cannot be kept: {odd}") from None
        if not self.outcome.full:
            for path, member in reversed(self._folders):
                self._dress(path, member)

    def _count(self, member: Member) -> None:
        self.outcome.files += 1
        self.outcome.bytes += -(-member.stored // _BLOCK) * _BLOCK
        if member.kind is not Kind.LINK:
            self.outcome.inodes += 1
        if member.kind is Kind.FOLDER or member.attributes:
            self.outcome.bytes += _BLOCK

    def _write(self, reader: Reader, member: Member) -> None:
        path = self._path(member.name)
        if not self._is_taken(member):
            self._leave_out(member)
            return
        if member.kind is Kind.FOLDER:
            if path != self._top:
                self._make_folder(path)
            self._folders.append((path, member))
            return
        if path == self._top:
            raise Unfit(f"{_shown(member.name)} would take the place of the whole folder")
        self._clear(path)
        match member.kind:
            case Kind.FILE:
                self._write_file(reader, member, path)
                return
            case Kind.LINK:
                os.link(self._path(member.target), path, follow_symlinks=False)
                return
            case Kind.SYMLINK:
                os.symlink(member.target, path)
            case Kind.PIPE:
                os.mkfifo(path)
            case _:
                type = stat.S_IFCHR if member.kind is Kind.CHARACTERS else stat.S_IFBLK
                os.mknod(path, type, os.makedev(*member.device))
        self._dress(path, member)

    def _is_taken(self, member: Member) -> bool:
        if member.kind is Kind.OTHER:
            return False
        if member.kind not in (Kind.CHARACTERS, Kind.BLOCKS):
            return True
        is_whiteout = member.kind is Kind.CHARACTERS and member.device == (0, 0)
        return self._owners and (self._devices or is_whiteout)

    def _path(self, name: bytes) -> bytes:
        """Where it goes: below the folder, its parents made, none of them a link."""
        parts = [part for part in name.split(b"/") if part not in (b"", b".")]
        if b".." in parts:
            raise Unfit(f"{_shown(name)} points out of the folder")
        if b"\0" in name:
            raise Unfit(f"{_shown(name)} is no file's name")
        for depth in range(1, len(parts)):
            self._enter(b"/".join(parts[:depth]), name)
        return self._top + b"/".join(parts)

    def _enter(self, parent: bytes, name: bytes) -> None:
        if parent in self._known:
            return
        path = self._top + parent
        try:
            mode = os.lstat(path).st_mode
        except FileNotFoundError:
            os.mkdir(path, 0o755)
        else:
            if not stat.S_ISDIR(mode):
                raise Unfit(f"{_shown(name)} goes through {_shown(parent)}, which is no folder")
        self._known.add(parent)

    def _make_folder(self, path: bytes) -> None:
        try:
            if stat.S_ISDIR(os.lstat(path).st_mode):
                return
            os.unlink(path)
        except FileNotFoundError:
            pass
        os.mkdir(path, 0o700)

    def _clear(self, path: bytes) -> None:
        """A later member of the same name takes the place of an earlier one, unless that is a folder."""
        try:
            os.unlink(path)
        except FileNotFoundError:
            pass

    def _write_file(self, reader: Reader, member: Member, path: bytes) -> None:
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            for offset, piece in reader.content(member):
                view = memoryview(piece)
                while view:
                    count = os.pwrite(fd, view, offset)
                    view, offset = view[count:], offset + count
            if member.parts is not None:
                os.ftruncate(fd, member.size)
        finally:
            os.close(fd)
        self._dress(path, member)

    def _dress(self, path: bytes, member: Member) -> None:
        """Owner, mode, attributes and time, in the order in which none undoes another."""
        if self._owners:
            os.chown(path, member.uid, member.gid, follow_symlinks=False)
        if member.kind is not Kind.SYMLINK:
            os.chmod(path, member.mode)
        for name, value in member.attributes.items():
            try:
                os.setxattr(path, name, value, follow_symlinks=False)
            except OSError as refused:
                if self._owners:
                    note = f"attribute {_shown(name)} of {_shown(member.name)} ({refused.strerror})"
                    self._leave_out(member, note)
        os.utime(path, ns=(member.mtime_ns, member.mtime_ns), follow_symlinks=False)

    def _leave_out(self, member: Member, what: str = "") -> None:
        self.outcome.left_out += 1
        if len(self.outcome.named) < _NAMED:
            self.outcome.named.append(what or f"{_shown(member.name)} ({member.kind})")


def unpack(folder: str, read: Callable[[int], bytes], *, owners: bool, devices: bool = False) -> Outcome:
    """Into `folder`, as this process; what went wrong is in the outcome's `problem`."""
    unpacker = Unpacker(os.fsencode(folder).rstrip(b"/") + b"/", owners=owners, devices=devices)
    try:
        unpacker.unpack(read)
    except (BadTar, Unfit) as wrong:
        unpacker.outcome.problem = str(wrong)
    except OSError as refused:
        unpacker.outcome.problem = f"it cannot be written: {refused.strerror}"
    except MemoryError:
        unpacker.outcome.problem = "it was altered: reading it takes more memory than any real archive"
    return unpacker.outcome


def _shown(name: bytes) -> str:
    return repr(name.decode(errors="backslashreplace"))


def main(folder: str, *options: str) -> None:
    """Standard input into `folder`, which becomes the root; the outcome to standard output."""
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    os.umask(0)
    os.chroot(folder)
    os.chdir("/")
    with open(0, "rb", buffering=1 << 20) as source:
        outcome: dict[str, Any] = asdict(unpack("/", source.read, owners=True, devices="devices" in options))
    os.write(1, json.dumps(outcome).encode() + b"\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
