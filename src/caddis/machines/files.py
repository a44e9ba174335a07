"""Files that a machine finds in its root: /etc/hosts and its like, and those of its config.

The image is not to be trusted: see kernel/openat2.py. The last part of a path is never followed: a link there is
replaced, so that an /etc/resolv.conf which points into a /run that does not exist yet becomes a plain file.
"""

from __future__ import annotations

import ipaddress
import os
import posixpath
from pathlib import Path

from caddis.domain.errors import Invalid
from caddis.kernel.openat2 import open_folder, open_in_root

_FIELD = "config.files"
_RESOLVERS = ("/run/systemd/resolve/resolv.conf", "/etc/resolv.conf")  # the first one lists what hides behind a stub


def write_guest_file(root: str, guest_path: str, content: bytes, mode: int) -> None:
    """Write (or replace) a file of root's in the mounted root; folders on the way are made.

    Invalid when the path is not absolute, or something other than a folder is on the way, or a folder is there.
    """
    folder, name = _split(guest_path)
    with open_folder(root) as root_fd:
        folder_fd = _ensure_folder(root_fd, folder, guest_path)
        try:
            _replace(folder_fd, name, content, mode, guest_path=guest_path)
        finally:
            os.close(folder_fd)


def network_files(hostname: str, v6: str, v4: str) -> tuple[tuple[str, bytes], ...]:
    """Path and content of what a machine needs to know its own name and to find others'."""
    return (
        ("/etc/hostname", f"{hostname}\n".encode()),
        ("/etc/hosts", hosts_text(hostname, v6, v4).encode()),
        ("/etc/resolv.conf", resolver_text(_read_host_resolver()).encode()),
    )


def hosts_text(hostname: str, v6: str, v4: str) -> str:
    """/etc/hosts: localhost and the machine itself, by both addresses (those that it has)."""
    lines = ["127.0.0.1\tlocalhost", "::1\tlocalhost ip6-localhost ip6-loopback"]
    lines += [f"{address}\t{hostname}" for address in (v4, v6) if address]
    return "\n".join(lines) + "\n"


def resolver_text(of_host: str) -> str:
    """The host's /etc/resolv.conf without name servers on the host's own loopback, which a machine cannot reach."""
    return "".join(f"{line}\n" for line in of_host.splitlines() if not _is_loopback_server(line))


def _is_loopback_server(line: str) -> bool:
    words = line.split()
    if len(words) < 2 or words[0] != "nameserver":
        return False
    try:
        return ipaddress.ip_address(words[1].partition("%")[0]).is_loopback
    except ValueError:
        return False


def _read_host_resolver() -> str:
    for path in _RESOLVERS:
        try:
            return Path(path).read_text(errors="replace")
        except OSError:
            continue
    return ""


def _split(guest_path: str) -> tuple[str, str]:
    folder, name = posixpath.split(guest_path)
    if not folder.startswith("/") or name in ("", ".", "..") or "\0" in guest_path:
        raise Invalid(f"{guest_path!r} is not the absolute path of a file", field=_FIELD)
    return folder, name


def _ensure_folder(root_fd: int, folder: str, guest_path: str) -> int:
    """A descriptor of the folder, each part resolved from the root again: links are followed inside the root only."""
    walked = "/"
    here = open_in_root(root_fd, walked, os.O_RDONLY | os.O_DIRECTORY)
    for part in [part for part in folder.split("/") if part not in ("", ".")]:
        walked = posixpath.join(walked, part)
        try:
            try:
                below = open_in_root(root_fd, walked, os.O_RDONLY | os.O_DIRECTORY)
            except FileNotFoundError:
                os.mkdir(part, 0o755, dir_fd=here)
                below = open_in_root(root_fd, walked, os.O_RDONLY | os.O_DIRECTORY)
        except (FileExistsError, NotADirectoryError, FileNotFoundError) as obstacle:
            raise Invalid(
                f"cannot write {guest_path}: {walked} is not a folder in the image", field=_FIELD
            ) from obstacle
        finally:
            os.close(here)
        here = below
    return here


def _replace(folder_fd: int, name: str, content: bytes, mode: int, *, guest_path: str) -> None:
    passing = f".caddis-{name}"[:255]
    try:
        os.unlink(passing, dir_fd=folder_fd)
    except FileNotFoundError:
        pass
    fd = os.open(passing, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600, dir_fd=folder_fd)
    try:
        with os.fdopen(fd, "wb") as file:
            file.write(content)
            os.fchmod(file.fileno(), mode & 0o7777)
        os.rename(passing, name, src_dir_fd=folder_fd, dst_dir_fd=folder_fd)
    except OSError as refused:
        os.unlink(passing, dir_fd=folder_fd)
        if isinstance(refused, IsADirectoryError | FileExistsError):
            raise Invalid(f"cannot write {guest_path}: there is a folder of that name", field=_FIELD) from refused
        raise
