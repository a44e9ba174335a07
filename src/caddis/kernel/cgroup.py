"""Control groups, as one path over every hierarchy: version 2, version 1, and both at once.

A path such as "caddis-1a2b-a/m1" is a folder below each hierarchy's mount point, as runc makes them.
"""

from __future__ import annotations

import errno
import os
import signal
import time
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from caddis.domain.errors import Missing, Problem

_POLL_SECONDS = 0.001


@dataclass(frozen=True, slots=True)
class Hierarchy:
    """One mounted hierarchy; `controllers` is empty for version 2."""

    folder: str
    controllers: frozenset[str]


def parse_hierarchies(mountinfo: str) -> tuple[Hierarchy, ...]:
    """The hierarchies in the text of /proc/self/mountinfo, each once, version 2 first. Pure."""
    found: dict[str, Hierarchy] = {}
    for line in mountinfo.splitlines():
        mounted, _, source = line.partition(" - ")
        folder, fstype = mounted.split()[4], source.split()[0]
        if fstype == "cgroup2":
            found.setdefault("2", Hierarchy(folder, frozenset()))
        elif fstype == "cgroup":
            controllers = frozenset(source.split()[2].split(",")) - {"rw", "ro", "xattr", "clone_children"}
            found.setdefault(",".join(sorted(controllers)), Hierarchy(folder, controllers))
    return tuple(sorted(found.values(), key=lambda hierarchy: bool(hierarchy.controllers)))


@lru_cache(maxsize=1)
def hierarchies() -> tuple[Hierarchy, ...]:
    """Those of this host."""
    return parse_hierarchies(Path("/proc/self/mountinfo").read_text())


def folder_of(path: str, controller: str) -> Path:
    """The folder in which this controller's files are."""
    for hierarchy in hierarchies():
        if controller in hierarchy.controllers:
            return Path(hierarchy.folder) / path
    return Path(hierarchies()[0].folder) / path  # version 2 has all controllers in one


def exists(path: str) -> bool:
    """Whether any hierarchy has it."""
    return any((Path(hierarchy.folder) / path).is_dir() for hierarchy in hierarchies())


def list_pids(path: str) -> list[int]:
    """Every process in it and in the groups below it."""
    return _list_below(folder_of(path, "pids"))


def kill(path: str, deadline: float = 10.0) -> None:
    """SIGKILL to every process in it, and wait until they are gone; Problem after `deadline` seconds."""
    until = time.monotonic() + deadline
    folder = folder_of(path, "pids")
    try:
        (folder / "cgroup.kill").write_text("1")
    except OSError:
        _write(folder / "pids.max", "0")  # version 1 has no such file; nothing may be born while we go through the list
    # in every hierarchy: what runc was putting into them one by one when it was killed may be in some of them only
    while pids := {pid for hierarchy in hierarchies() for pid in _list_below(Path(hierarchy.folder, path))}:
        for pid in pids:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        if time.monotonic() > until:
            raise Problem(f"processes {sorted(pids)} of control group {path} do not end")
        time.sleep(_POLL_SECONDS)


def remove(path: str, deadline: float = 5.0) -> None:
    """Ensure that it and the groups below it are gone from every hierarchy; Problem when that cannot be."""
    until = time.monotonic() + deadline
    for hierarchy in hierarchies():
        top = Path(hierarchy.folder) / path
        while not _remove_tree(top):
            if time.monotonic() > until:
                raise Problem(f"control group {top} is still in use")
            time.sleep(_POLL_SECONDS)


def remove_if_empty(path: str) -> None:
    """Remove it where nothing is in it or below it."""
    for hierarchy in hierarchies():
        try:
            os.rmdir(Path(hierarchy.folder) / path)
        except OSError:
            continue


def ensure_below(path: str, name: str) -> str:
    """Ensure a group below, for counting and killing only; its path."""
    below = f"{path}/{name}"
    folder_of(below, "pids").mkdir(exist_ok=True)
    return below


def as_option(name: str) -> str:
    """How `runc exec --cgroup` wants a group that `ensure_below` made."""
    return f"pids:{name}" if any("pids" in hierarchy.controllers for hierarchy in hierarchies()) else name


def count_oom_kills(path: str) -> int:
    """How many of its processes the kernel killed because the memory limit was reached; 0 when it is gone."""
    folder = folder_of(path, "memory")
    for name in ("memory.events", "memory.oom_control"):
        try:
            words = (folder / name).read_text().split()
        except OSError:
            continue
        return int(words[words.index("oom_kill") + 1]) if "oom_kill" in words else 0
    return 0


def limit_io(path: str, device: tuple[int, int], *, iops: int, bandwidth: int) -> None:
    """Limit what its processes may do to a block device: operations and bytes a second, of each direction; 0: no limit.

    Missing where the kernel has no such controller, or has it switched off for this group.
    """
    old = any("blkio" in hierarchy.controllers for hierarchy in hierarchies())
    folder = folder_of(path, "blkio")
    for name, text in io_limit_texts(device, iops=iops, bandwidth=bandwidth, old=old).items():
        try:
            (folder / name).write_text(text)
        except FileNotFoundError:
            if not folder.is_dir() or not (iops or bandwidth):
                return  # the machine has ended, or there is nothing to limit
            raise Missing(
                "this computer cannot limit the I/O of machines: its control groups have no io controller",
                hint="boot a kernel with CONFIG_BLK_DEV_THROTTLING, or leave the limits off",
            ) from None


def io_limit_texts(device: tuple[int, int], *, iops: int, bandwidth: int, old: bool) -> dict[str, str]:
    """What to write into which file of the group; `old` is version 1. Pure."""
    numbers = f"{device[0]}:{device[1]}"
    if old:
        rates = {"iops": iops, "bps": bandwidth}  # 0 takes a limit away
        return {
            f"blkio.throttle.{way}_{what}_device": f"{numbers} {rate}"
            for way in ("read", "write")
            for what, rate in rates.items()
        }
    rates_of_each = (("bps", bandwidth), ("iops", iops))
    words = [f"{way}{what}={rate or 'max'}" for what, rate in rates_of_each for way in "rw"]
    return {"io.max": " ".join([numbers, *words])}


def count_io(path: str, device: tuple[int, int]) -> int:
    """Operations that its processes have had done on a block device since the group was made."""
    numbers = f"{device[0]}:{device[1]}"
    old = any("blkio" in hierarchy.controllers for hierarchy in hierarchies())
    try:
        lines = (
            (folder_of(path, "blkio") / ("blkio.throttle.io_serviced" if old else "io.stat")).read_text().splitlines()
        )
    except FileNotFoundError:
        return 0
    rows = [line.split()[1:] for line in lines if line.split()[0] == numbers]
    if old:
        return sum(int(number) for kind, number in rows if kind in ("Read", "Write"))
    fields = dict(field.split("=") for row in rows for field in row)
    return int(fields.get("rios", 0)) + int(fields.get("wios", 0))


def _list_below(top: Path) -> list[int]:
    pids: list[int] = []
    for folder, _below, _files in os.walk(top):
        try:
            pids += map(int, Path(folder, "cgroup.procs").read_text().split())
        except OSError:  # it went away meanwhile
            continue
    return pids


def _remove_tree(top: Path) -> bool:
    """Whether it is gone. Whoever runs a program in it may add a group below while we go through them."""
    for folder, _below, _files in os.walk(top, topdown=False):
        try:
            os.rmdir(folder)
        except FileNotFoundError:
            continue
        except OSError as refused:
            if refused.errno in (errno.EBUSY, errno.ENOTEMPTY):
                return False
            raise
    return not top.exists()


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text)
    except OSError:
        pass
