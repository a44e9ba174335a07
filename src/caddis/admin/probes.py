"""What this computer can do, found out by trying. The one place for it: doctor, up and the test runner all ask here.

A probe looks or tries, tidies up after itself, and never raises; `python -m caddis.admin.probes --json` prints all.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path

from caddis.admin import probe_kernel
from caddis.admin.probe_kernel import Cannot, NeedsRoot
from caddis.domain.sizes import GIB, format_bytes
from caddis.kernel.command import find_program

MIN_FREE_BYTES = 4 * GIB  # a small pool, one image and its scratch file systems

PROGRAMS = {  # program: the Debian package that brings it
    "runc": "runc",
    "conmon": "conmon",
    "tini-static": "tini",
    "skopeo": "skopeo",
    "umoci": "umoci",
    "buildah": "buildah",
    "mkfs.xfs": "xfsprogs",
    "mkfs.ext4": "e2fsprogs",
    "losetup": "mount",
    "ip": "iproute2",
    "nft": "nftables",
}
EXTRA_PROGRAMS = {  # what only `--registry`, the examples, the tests and the bench use
    "mmdebstrap": "mmdebstrap",
    "qemu-system-x86_64": "qemu-system-x86",
    "busybox": "busybox-static",
    "fio": "fio",
    "tmux": "tmux",
    "sqlite3": "sqlite3",
    "psql": "postgresql-client",
    "docker-registry": "docker-registry",
}


class State(StrEnum):
    """What a probe found."""

    OK = "ok"
    MISSING = "missing"
    UNKNOWN = "unknown"  # only root can find out
    ABSENT = "absent"  # not there, and Caddis does without


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """One finding. `detail` says what is so, `remedy` what would bring what is missing; `package` is Debian's name."""

    name: str
    state: State
    detail: str
    remedy: str = ""
    package: str = ""

    @property
    def stops_us(self) -> bool:
        """Whether Caddis cannot run machines here because of it."""
        return self.state in (State.MISSING, State.UNKNOWN)


def probe_all(data: Path, *, extras: bool = False) -> list[Probe]:
    """Every finding about this computer, for an installation whose data would be in `data`."""
    programs = [_program(name, package, needed=True) for name, package in PROGRAMS.items()]
    if extras:
        programs += [_program(name, package, needed=False) for name, package in EXTRA_PROGRAMS.items()]
    with ThreadPoolExecutor() as pool:
        tried = list(pool.map(lambda trial: _try(*trial), _TRIALS))
    return [_root(), *programs, *tried, _space(data), _encryption(), *_options()]


def missing(found: list[Probe]) -> list[Probe]:
    """Those without which no machine can run."""
    return [probe for probe in found if probe.stops_us]


def apt_line(found: list[Probe]) -> str:
    """The command that brings the missing packages, or nothing."""
    packages = sorted({probe.package for probe in found if probe.package and probe.state is not State.OK})
    return f"apt-get install -y --no-install-recommends {' '.join(packages)}" if packages else ""


def table(found: list[Probe]) -> str:
    """The findings as text, one a line, and below them what would bring what is missing."""
    width = max(len(probe.name) for probe in found)
    lines = []
    for probe in found:
        remedy = f" -> {probe.remedy}" if probe.remedy and probe.state is not State.OK else ""
        lines.append(f"{probe.state:<8} {probe.name:<{width}}  {probe.detail}{remedy}".rstrip())
    if line := apt_line(found):
        lines += ["", f"To bring what packages can bring:  {line}"]
    return "\n".join(lines)


def _root() -> Probe:
    if os.geteuid() == 0:
        return Probe(name="root", state=State.OK, detail="running as root")
    return Probe(
        name="root", state=State.MISSING, detail="mounts, namespaces and loop devices need root", remedy="use sudo"
    )


def _program(name: str, package: str, *, needed: bool) -> Probe:
    path = find_program(name)
    if path is not None:
        return Probe(name=f"program {name}", state=State.OK, detail=path, package=package)
    state = State.MISSING if needed else State.ABSENT
    why = "not on the PATH" if needed else "not on the PATH; only tests, examples and bench use it"
    return Probe(name=f"program {name}", state=state, detail=why, remedy=f"package {package}", package=package)


_TRIALS: tuple[tuple[str, Callable[[Path], str], str], ...] = (
    ("loop devices", probe_kernel.try_loop, "a kernel with loop, and a container (if this is one) that may use it"),
    ("mount", probe_kernel.try_mount, "CAP_SYS_ADMIN: a container needs --privileged"),
    ("xfs with reflink", probe_kernel.try_xfs_reflink, "a kernel with XFS, and package xfsprogs"),
    ("overlay", probe_kernel.try_overlay, "a kernel with overlayfs"),
    ("network namespaces", probe_kernel.try_netns, "CAP_NET_ADMIN and CAP_SYS_ADMIN"),
    ("cgroups", probe_kernel.try_cgroup, "writable cgroups under /sys/fs/cgroup"),
    ("a container", probe_kernel.try_container, "see the lines above; then: runc --debug run"),
)


def _try(name: str, trial: Callable[[Path], str], remedy: str) -> Probe:
    folder = Path(tempfile.mkdtemp(prefix="caddis-probe-"))
    try:
        return Probe(name=name, state=State.OK, detail=trial(folder))
    except NeedsRoot as unknown:
        return Probe(name=name, state=State.UNKNOWN, detail=str(unknown), remedy="use sudo")
    except Cannot as why:
        return Probe(name=name, state=State.MISSING, detail=str(why), remedy=remedy)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def free_bytes(data: Path) -> int:
    """What the disk has free where `data` is, or would be made."""
    place = next(parent for parent in (data, *data.parents) if parent.is_dir())
    return shutil.disk_usage(place).free


def _space(data: Path) -> Probe:
    free = free_bytes(data)
    detail = f"{format_bytes(free)} free for {data}"
    if free >= MIN_FREE_BYTES or (data / "settings.toml").exists():  # a pool that exists has its space already
        return Probe(name="space", state=State.OK, detail=detail)
    return Probe(
        name="space",
        state=State.MISSING,
        detail=detail,
        remedy=f"make {format_bytes(MIN_FREE_BYTES)} free, or choose another place with --data",
    )


def _encryption() -> Probe:
    if probe_kernel.has_device_mapper():
        return Probe(name="encryption", state=State.OK, detail="luks (this kernel has device-mapper)")
    if probe_kernel.has_fscrypt():
        return Probe(name="encryption", state=State.OK, detail="fscrypt (no device-mapper, but ext4 can encrypt)")
    return Probe(
        name="encryption",
        state=State.ABSENT,
        detail="none: neither device-mapper nor fscrypt; volumes need --no-encryption",
        remedy="a kernel with dm-crypt, or with CONFIG_FS_ENCRYPTION",
    )


def _options() -> list[Probe]:
    mapper, resize = probe_kernel.has_device_mapper(), probe_kernel.may_resize_online()
    return [
        Probe(
            name="device-mapper",
            state=State.OK if mapper else State.ABSENT,
            detail="/dev/mapper/control answers" if mapper else "not in this kernel; fscrypt takes its place",
        ),
        Probe(
            name="CAP_SYS_RESOURCE",
            state=State.OK if resize else State.ABSENT,
            detail="file systems can grow while mounted"
            if resize
            else "not ours: an extended volume's file system grows at the machine's next start",
        ),
    ]


def main() -> None:
    """Print every finding: as a table, or with --json for programs."""
    found = probe_all(Path("/var/lib/caddis"), extras=True)
    print(json.dumps([asdict(probe) for probe in found]) if "--json" in sys.argv else table(found))


if __name__ == "__main__":
    main()
