"""A folder with every kind of file that Linux has, and what a folder holds, to compare."""

from __future__ import annotations

import hashlib
import os
import stat
from pathlib import Path
from typing import Any


def make_tree(top: Path, *, devices: bool) -> None:
    """Owners, modes, times, links, attributes, holes, odd names; as root."""
    deep = top / "a" / ("x" * 200) / ("y" * 255) / "empty folder"
    deep.mkdir(parents=True)
    (top / "a" / "file").write_bytes(os.urandom(3001))
    (top / "empty").touch()
    (top / "private").mkdir(mode=0o700)
    (top / "private" / "db").write_bytes(bytes(8192))
    for name in (b"line\nbreak", b"\xff\xfe not utf-8", b"-rf", b" ", b"*", b"back\\slash", "ünï✓".encode(), b"%41=b"):
        Path(os.fsdecode(os.fsencode(top) + b"/" + name)).write_bytes(name)
    with (top / "hole").open("wb") as file:
        file.truncate(1 << 26)
        file.seek(1 << 20)
        file.write(b"in the middle")
    with (top / "only hole").open("wb") as file:
        file.truncate(1 << 30)
    os.link(top / "a" / "file", top / "hard link")
    os.symlink("a/file", top / "link")
    os.symlink("/etc/" + "long/" * 50 + "passwd", top / "link out")
    os.symlink("nowhere", top / "dangling")
    os.mkfifo(top / "pipe")
    os.mknod(top / "whiteout", stat.S_IFCHR, os.makedev(0, 0))
    if devices:
        os.mknod(top / "null", stat.S_IFCHR | 0o666, os.makedev(1, 3))
    os.setxattr(top / "a" / "file", "user.note", b"\0\xff=\n")
    os.setxattr(top / "a", "user.a=b%c", b"1")
    os.chown(top / "a" / "file", 1234, 3_000_000)
    os.chmod(top / "a" / "file", 0o4751)
    os.chmod(top / "private" / "db", 0)
    os.chown(top / "private", 70, 70)
    os.lchown(top / "link", 5, 6)
    os.utime(top / "a" / "file", ns=(0, 1_700_000_000_123_456_789))
    os.utime(top / "link", ns=(0, 1_600_000_000_000_000_001), follow_symlinks=False)
    os.utime(top / "a", ns=(0, 12_345_678_901_234_567))
    os.chown(top, 70, 71)
    os.chmod(top, 0o1750)


def scan_tree(top: Path) -> dict[bytes, tuple[Any, ...]]:
    """Everything of every file but what no copy can keep (inode, times of access and change)."""
    found: dict[bytes, tuple[Any, ...]] = {}
    base = os.fsencode(top)
    for folder, folders, files in os.walk(base):
        for path in (folder, *(os.path.join(folder, name) for name in (*folders, *files))):
            about = os.lstat(path)
            content = b""
            if stat.S_ISREG(about.st_mode):
                with open(path, "rb") as file:
                    content = hashlib.file_digest(file, "sha256").digest()
            elif stat.S_ISLNK(about.st_mode):
                content = os.readlink(path)
            attributes = {}
            if not stat.S_ISLNK(about.st_mode):
                attributes = {name: os.getxattr(path, name) for name in os.listxattr(path)}
            plain = (about.st_mode, about.st_uid, about.st_gid, about.st_mtime_ns, about.st_rdev)
            size = about.st_size if stat.S_ISREG(about.st_mode) else 0
            sparse = stat.S_ISREG(about.st_mode) and about.st_blocks * 512 < about.st_size
            links = 0 if stat.S_ISDIR(about.st_mode) else about.st_nlink
            found[os.path.relpath(path, base)] = (
                *plain,
                size,
                sparse,
                links,
                content,
                tuple(sorted(attributes.items())),
            )
    return found
