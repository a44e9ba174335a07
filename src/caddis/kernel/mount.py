"""Mounting and unmounting by system call: a program would cost a millisecond each time."""

from __future__ import annotations

import errno
import os
import re
import time
from collections.abc import Callable
from pathlib import Path

from caddis.kernel import libc

RDONLY, NOSUID, NODEV, NOEXEC = 1, 2, 4, 8
_BIND = 4096
_REC = 16384
_SHARED = 1 << 20
_UMOUNT_NOFOLLOW = 8
_POLL_SECONDS = 0.005


def mount(source: str, target: Path, fstype: str, *, flags: int = 0, options: str = "") -> None:
    """mount(2). OSError as the kernel says it."""
    libc.mount(source, str(target), fstype, flags, options)


def is_mount_point(path: Path) -> bool:
    """Whether something is mounted exactly here; False where there is no such folder.

    Compares the device with that of the parent, so a bind mount from the same file system goes unnoticed:
    `ensure_own_mount` asks the kernel's list instead.
    """
    try:
        return os.lstat(path).st_dev != os.lstat(path.parent).st_dev
    except FileNotFoundError:
        return False


def ensure_own_mount(folder: Path) -> None:
    """Make `folder` a mount of its own whose mounts are shared.

    A namespace made while something is mounted below holds a copy of that mount. Shared, our unmounting reaches the
    copies of every namespace that follows us (all that runc, buildah and systemd make); on a host whose / is private,
    as where no systemd runs, it would not, and a long build could hold a device open for hours.
    """
    if not _is_listed(folder):
        libc.mount(str(folder), str(folder), "", _BIND | _REC, "")
    libc.mount("", str(folder), "", _SHARED | _REC, "")


def drop_own_mount(folder: Path) -> bool:
    """Undo `ensure_own_mount`; False when something is still mounted or in use below."""
    while _is_listed(folder):
        try:
            libc.umount2(str(folder), _UMOUNT_NOFOLLOW)
        except OSError as refused:
            if refused.errno == errno.EBUSY:
                return False
            raise
    return True


def unmount(target: Path, *, patience: float) -> bool:
    """Unmount whatever is mounted here; False if it was still in use after `patience` seconds."""
    until = time.monotonic() + patience
    while is_mount_point(target):
        try:
            libc.umount2(str(target), _UMOUNT_NOFOLLOW)
        except OSError as refused:
            if refused.errno == errno.EINVAL:  # someone else was quicker
                continue
            if refused.errno != errno.EBUSY:
                raise
            if time.monotonic() > until:
                return False
            time.sleep(_POLL_SECONDS)
    return True


def wait_until(condition: Callable[[], bool], *, patience: float) -> bool:
    """Poll until it holds; False if it did not within `patience` seconds."""
    until = time.monotonic() + patience
    while not condition():
        if time.monotonic() > until:
            return False
        time.sleep(_POLL_SECONDS)
    return True


def list_holders(device: int) -> list[int]:
    """Pids of processes that keep the block device (by number) in use.

    Those that have a file of it open or stand in it; and one of each other mount namespace that has it mounted.
    """
    holders = []
    seen = {_namespace("self")}
    for pid in sorted(int(entry) for entry in os.listdir("/proc") if entry.isdigit()):
        namespace = _namespace(str(pid))
        if _has_open(pid, device) or (namespace not in seen and _has_mounted(pid, device)):
            holders.append(pid)
        seen.add(namespace)
    return holders


def by_holders(device: int) -> str:
    """ " by process 12, 34": the end of a sentence about what is in use; "" when nobody is found."""
    holders = list_holders(device)
    return " by process " + ", ".join(map(str, holders[:5])) if holders else ""


def _namespace(pid: str) -> str:
    try:
        return os.readlink(f"/proc/{pid}/ns/mnt")
    except OSError:  # it has ended
        return ""


def _has_mounted(pid: int, device: int) -> bool:
    try:
        mounts = Path(f"/proc/{pid}/mountinfo").read_text(errors="replace")
    except OSError:
        return False
    return f" {os.major(device)}:{os.minor(device)} " in mounts


def _has_open(pid: int, device: int) -> bool:
    folder = f"/proc/{pid}"
    try:
        paths = [f"{folder}/cwd", f"{folder}/root", f"{folder}/exe"]
        for path in (*paths, *(f"{folder}/fd/{fd}" for fd in os.listdir(f"{folder}/fd"))):
            about = os.stat(path)
            if device in (about.st_dev, about.st_rdev):
                return True
    except OSError:  # it has ended, or is the kernel's own
        pass
    return False


def _is_listed(path: Path) -> bool:
    wanted = os.path.realpath(path)
    for line in Path("/proc/self/mountinfo").read_text(errors="replace").splitlines():
        if _unescape(line.split(" ")[4]) == wanted:
            return True
    return False


def _unescape(field: str) -> str:
    """mountinfo writes blanks and the like as \\040."""
    return re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), field)
