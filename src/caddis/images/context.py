"""A build context arrives as a tarball from somebody else: it is unpacked into its folder and nowhere else.

Debian 12's Python 3.11.2 has no `tarfile` filters yet, so the rules stand here: plain names, no devices, nothing
through a link, not more than so many bytes and files.
"""

from __future__ import annotations

import os
import tarfile
from pathlib import Path

from caddis.domain.errors import Invalid, TooLarge

MOST_BYTES = 10 * 2**30
MOST_FILES = 500_000
_PIECE = 1 << 20  # bytes copied at a time


def extract_context(tar: Path, folder: Path, *, most_bytes: int = MOST_BYTES, most_files: int = MOST_FILES) -> None:
    """Unpack into `folder`, which exists and is empty. Owners are dropped, as builds give every file to root anyway.

    Invalid when it is no tarball or a name leads out of the folder, TooLarge beyond the bounds.
    """
    left = most_bytes
    try:
        with tarfile.open(tar, "r:*") as archive:
            for count, member in enumerate(archive, start=1):
                left -= member.size if member.isreg() else 0
                if left < 0 or count > most_files:
                    raise TooLarge(
                        f"the build context is larger than {most_bytes >> 20} MB or {most_files} files",
                        hint="name what the build does not need in .dockerignore",
                    )
                _extract(archive, member, folder)
    except (tarfile.TarError, EOFError, OSError) as broken:
        if isinstance(broken, OSError) and broken.errno is not None:
            raise
        raise Invalid("the build context is not a tarball, or was cut short", field="context") from broken


def _extract(archive: tarfile.TarFile, member: tarfile.TarInfo, folder: Path) -> None:
    target = _place(folder, member.name)
    if member.isdir():
        if target.is_symlink():
            raise _leads_out(member.name)
        target.mkdir(parents=True, exist_ok=True)
        target.chmod(member.mode & 0o777 | 0o700)
        return
    if target == folder:
        raise _leads_out(member.name)
    target.parent.mkdir(parents=True, exist_ok=True)
    if target.is_symlink() or target.is_file():
        target.unlink()
    if member.issym():
        target.symlink_to(member.linkname)  # may point anywhere: nothing is ever written or read through it here
    elif member.islnk():
        origin = _place(folder, member.linkname)
        if origin.is_symlink() or not origin.is_file():
            raise _leads_out(member.name)
        os.link(origin, target, follow_symlinks=False)
    elif member.isreg():
        _write(archive, member, target)
    else:
        raise Invalid(f"the build context holds {member.name}, which is neither file, folder nor link", field="context")


def _write(archive: tarfile.TarFile, member: tarfile.TarInfo, target: Path) -> None:
    source = archive.extractfile(member)
    assert source is not None  # it is a regular file
    fd = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    with open(fd, "wb") as file:
        while piece := source.read(_PIECE):
            file.write(piece)
        os.fchmod(fd, member.mode & 0o777 | 0o600)
        os.utime(fd, (member.mtime, member.mtime))  # buildah's cache looks at it


def _place(folder: Path, name: str) -> Path:
    """The path of a member; Invalid when it is not plainly below `folder`, or lies behind a link."""
    parts = [part for part in name.split("/") if part not in ("", ".")]
    if name.startswith("/") or ".." in parts or "\0" in name:
        raise _leads_out(name)
    if not parts:
        return folder
    target = folder.joinpath(*parts)
    if os.path.realpath(target.parent) != os.path.realpath(folder) + "".join("/" + part for part in parts[:-1]):
        raise _leads_out(name)
    return target


def _leads_out(name: str) -> Invalid:
    return Invalid(f"the build context holds {name!r}, which leads out of it", field="context")
