"""Writing a folder as a tar, with everything that a Linux file system keeps of it.

As a program (`python -m caddis.kernel.tar.pack FOLDER`) it writes to standard output. Names are as they are, in bytes;
what disappears while it is read is passed over, and what shrinks is filled with zeros, as tar does.
"""

from __future__ import annotations

import errno
import os
import stat
import sys
from collections.abc import Iterator

from caddis.kernel.tar.format import END, Kind, Member, encode, padding

_STEP = 1 << 20
_SMALL = 256 << 10  # headers and small files are gathered until there is so much
_KINDS = {
    stat.S_IFREG: Kind.FILE,
    stat.S_IFDIR: Kind.FOLDER,
    stat.S_IFLNK: Kind.SYMLINK,
    stat.S_IFIFO: Kind.PIPE,
    stat.S_IFCHR: Kind.CHARACTERS,
    stat.S_IFBLK: Kind.BLOCKS,
}


def pack(folder: str | bytes) -> Iterator[bytes]:
    """The archive in parts of up to about 1 MiB; no sockets. OSError when the folder itself cannot be read."""
    top = os.fsencode(folder)
    gathered = bytearray()
    for piece in _pieces(top):
        gathered += piece
        if len(gathered) >= _SMALL:
            yield bytes(gathered)
            gathered.clear()
    yield bytes(gathered + END)


def _pieces(top: bytes) -> Iterator[bytes]:
    links: dict[tuple[int, int], bytes] = {}
    waiting = [b"."]
    while waiting:
        name = waiting.pop()
        path = top if name == b"." else os.path.join(top, name[2:])
        try:
            about = os.lstat(path) if name != b"." else os.stat(path)
            member = _describe(name, path, about)
        except FileNotFoundError:
            if name == b".":
                raise
            continue
        if member is None:
            continue
        key = (about.st_dev, about.st_ino)
        if member.kind is not Kind.FOLDER and about.st_nlink > 1:
            first = links.setdefault(key, name)
            if first != name:
                member.kind, member.target, member.size, member.attributes = Kind.LINK, first, 0, {}
        if member.kind is Kind.FILE:
            yield from _file(path, member, about)
        else:
            yield encode(member)
        if member.kind is Kind.FOLDER:
            waiting += [os.path.join(name, entry) for entry in sorted(os.listdir(path), reverse=True)]


def _describe(name: bytes, path: bytes, about: os.stat_result) -> Member | None:
    kind = _KINDS.get(stat.S_IFMT(about.st_mode))
    if kind is None:
        return None
    return Member(
        name=name + b"/" if kind is Kind.FOLDER else name,
        kind=kind,
        mode=stat.S_IMODE(about.st_mode),
        uid=about.st_uid,
        gid=about.st_gid,
        mtime_ns=about.st_mtime_ns,
        size=about.st_size if kind is Kind.FILE else 0,
        target=os.readlink(path) if kind is Kind.SYMLINK else b"",
        device=(os.major(about.st_rdev), os.minor(about.st_rdev)),
        attributes=_attributes(path),
    )


def _attributes(path: bytes) -> dict[bytes, bytes]:
    found = {}
    try:
        for name in os.listxattr(path, follow_symlinks=False):
            found[os.fsencode(name)] = os.getxattr(path, name, follow_symlinks=False)
    except OSError as refused:
        if refused.errno not in (errno.ENOTSUP, errno.ENODATA, errno.EACCES, errno.EPERM):
            raise
    return found


def _file(path: bytes, member: Member, about: os.stat_result) -> Iterator[bytes]:
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    except FileNotFoundError:
        return
    try:
        if about.st_blocks * 512 < about.st_size:
            parts = _parts(fd, about.st_size)
            member.parts = parts if parts != [(0, about.st_size)] else None
        yield encode(member)
        for offset, length in [(0, member.size)] if member.parts is None else member.parts:
            yield from _content(fd, offset, length)
        yield padding(member.stored)
    finally:
        os.close(fd)


def _parts(fd: int, size: int) -> list[tuple[int, int]]:
    found, at = [], 0
    while at < size:
        try:
            begin = os.lseek(fd, at, os.SEEK_DATA)
            at = min(os.lseek(fd, begin, os.SEEK_HOLE), size)
        except OSError as refused:
            if refused.errno == errno.ENXIO:  # only a hole is left
                break
            raise
        if begin < at:
            found.append((begin, at - begin))
    if not found or sum(found[-1]) < size:
        found.append((size, 0))  # GNU tar takes the size from the last one
    return found


def _content(fd: int, offset: int, length: int) -> Iterator[bytes]:
    while length > 0:
        piece = os.pread(fd, min(length, _STEP), offset)
        if not piece:
            piece = bytes(min(length, _STEP))
        offset, length = offset + len(piece), length - len(piece)
        yield piece


def main(folder: str, *, locked: bool) -> None:
    """Write it all to standard output; `locked`: nothing outside of the folder can be reached."""
    if locked:
        os.chroot(folder)
        os.chdir("/")
        folder = "/"
    with open(1, "wb", buffering=0) as output:
        for piece in pack(folder):
            view = memoryview(piece)
            while view:
                view = view[output.write(view) :]


if __name__ == "__main__":
    main(sys.argv[1], locked="locked" in sys.argv[2:])
