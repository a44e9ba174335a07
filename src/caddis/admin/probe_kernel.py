"""The trials behind probes.py: each does the real thing once, in a folder of its own, and gives everything back.

A trial returns what it found, or raises Cannot with the reason.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from caddis.domain.errors import Problem
from caddis.kernel.command import command, find_program, run

_CAP_SYS_RESOURCE = 24  # linux/capability.h
_PROBE_DISK = 320 << 20  # mkfs.xfs refuses less than 300 MiB; the file is sparse


class Cannot(Exception):
    """This computer cannot do it; the message says why."""


class NeedsRoot(Cannot):
    """Only root can find out."""


def try_loop(folder: Path) -> str:
    """Attach a file to a loop device and detach it."""
    disk = folder / "disk"
    disk.write_bytes(bytes(1 << 20))
    device = _attempt("losetup", "--find", "--show", str(disk))
    _attempt("losetup", "--detach", device)
    return "a file can be opened as a block device"


def try_mount(folder: Path) -> str:
    """Mount a tmpfs."""
    with _mounted("-t", "tmpfs", "caddis-probe", str(folder)):
        return "file systems can be mounted"


def try_xfs_reflink(folder: Path) -> str:
    """Make an XFS in a file, mount it, clone a file on it."""
    disk, mounted = folder / "disk", folder / "mounted"
    mounted.mkdir()
    with disk.open("wb") as file:
        file.truncate(_PROBE_DISK)
    _attempt("mkfs.xfs", "-q", "-m", "reflink=1", str(disk))
    with _mounted("-o", "loop", str(disk), str(mounted)):
        (mounted / "a").write_bytes(b"caddis" * 1000)
        _attempt("cp", "--reflink=always", str(mounted / "a"), str(mounted / "b"))
    return "an XFS in a file mounts, and files clone on it"


def try_overlay(folder: Path) -> str:
    """Mount an overlay whose layers are on a tmpfs."""
    with _mounted("-t", "tmpfs", "caddis-probe", str(folder)):
        for name in ("lower", "upper", "work", "merged"):
            (folder / name).mkdir()
        layers = f"lowerdir={folder}/lower,upperdir={folder}/upper,workdir={folder}/work"
        with _mounted("-t", "overlay", "-o", layers, "caddis-probe", str(folder / "merged")):
            (folder / "merged" / "file").touch()
    return "overlay mounts work"


def try_netns(folder: Path) -> str:
    """Make a network namespace and delete it."""
    name = folder.name
    _attempt("ip", "netns", "add", name)
    try:
        _attempt("ip", "-n", name, "link", "set", "lo", "up")
    finally:
        _attempt("ip", "netns", "delete", name)
    return "network namespaces can be made"


def try_cgroup(folder: Path) -> str:
    """Make a cgroup in the memory hierarchy and delete it."""
    _need_root()
    version, place = _memory_hierarchy()
    group = place / folder.name
    try:
        group.mkdir()
        group.rmdir()
    except OSError as refused:
        raise Cannot(f"{place} refuses a new group: {refused.strerror}") from refused
    return version


def try_container(folder: Path) -> str:
    """Run a static program in a container by runc."""
    _need_root()
    program = find_program("tini-static")
    if program is None:
        raise Cannot("needs tini-static for a trial (package tini)")
    root = folder / "rootfs"
    root.mkdir()
    shutil.copy(program, root / "init")
    _attempt("runc", "spec", "--bundle", str(folder))
    spec = json.loads((folder / "config.json").read_text())
    spec["process"] |= {"args": ["/init", "--version"], "terminal": False}
    spec["linux"]["cgroupsPath"] = f"/{folder.name}"
    (folder / "config.json").write_text(json.dumps(spec))
    try:
        _attempt("runc", "run", "--bundle", str(folder), folder.name)
    finally:
        run(command("runc", "delete", "--force", folder.name), accept=(0, 1))
    return "runc runs one"


def has_device_mapper() -> bool:
    """Whether dm-crypt's way is open: the control device can be opened."""
    try:
        os.close(os.open("/dev/mapper/control", os.O_RDWR))
    except OSError:
        return False
    return True


def has_fscrypt() -> bool:
    """Whether this kernel's ext4 can encrypt."""
    return Path("/sys/fs/ext4/features/encryption").exists()


def may_resize_online() -> bool:
    """Whether we hold CAP_SYS_RESOURCE, which ext4 wants for growing while mounted (facts: substrate 5)."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("CapEff:"):
            return bool(int(line.split()[1], 16) >> _CAP_SYS_RESOURCE & 1)
    return False


def _memory_hierarchy() -> tuple[str, Path]:
    base = Path("/sys/fs/cgroup")
    if (base / "cgroup.controllers").exists():
        return "version 2", base
    if (base / "memory").is_dir():
        return "version 1", base / "memory"
    raise Cannot("no memory cgroup is mounted below /sys/fs/cgroup")


def _need_root() -> None:
    if os.geteuid() != 0:
        raise NeedsRoot("only root can try")


def _attempt(*argv: str) -> str:
    _need_root()
    try:
        return run(command(*argv)).text.strip()
    except Problem as failed:
        raise Cannot(failed.message) from failed


@contextmanager
def _mounted(*arguments: str) -> Iterator[None]:
    _attempt("mount", *arguments)
    try:
        yield
    finally:
        _attempt("umount", arguments[-1])
