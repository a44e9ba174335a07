"""Starting a guest, having it do one job, and hearing what came of it.

    guest = Guest(make_parts(), "6.1", accelerator="tcg")
    outcome = guest.do("python3 -m pytest …", disks=[Disk(path)])

A job is lines of shell; the project lies in /srv/job, its libraries in /srv/lib. Its output and its exit status come
out through ports of their own, so that neither is mixed with what the kernel says.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from compileall import compile_dir
from dataclasses import dataclass
from pathlib import Path

from vm.recipe import CACHE, ROOT, Parts, libraries, make_image

QEMU = "qemu-system-x86_64"
_PROBE_SECONDS = 20.0
_POLL_SECONDS = 0.05
_PROLOGUE = "export PYTHONPATH=/srv/job/src:/srv/job/tests:/srv/job/tests/crash:/srv/lib PYTHONDONTWRITEBYTECODE=1\n"


@dataclass(frozen=True)
class Disk:
    """One more disk of the guest, after root, libraries and job: the first of them is /dev/vdd.

    With `log`, every write and flush is also written there as qemu's blklogwrites does.
    """

    path: Path
    log: Path | None = None
    throw_away: bool = False  # what the guest writes is forgotten at its end


@dataclass(frozen=True)
class Outcome:
    """How a job ended. `status` None: it did not, within its deadline."""

    status: int | None
    output: str
    console: str
    seconds: float

    def __str__(self) -> str:
        head = f"status {self.status} after {self.seconds:.0f} s\n{self.output[-8000:]}"
        return f"{head}\n--- console ---\n{self.console[-2000:]}"


@dataclass(frozen=True)
class Guest:
    """A computer that can be started. `memory_mb` counts what the page cache of its disks needs as well."""

    parts: Parts
    kernel: str
    accelerator: str
    memory_mb: int = 1536

    def do(self, job: str, *, disks: Sequence[Disk] = (), deadline: float = 300.0, cpus: int = 2) -> Outcome:
        """Start, do the job, and end: by itself when the job has ended, else killed at the deadline."""
        with tempfile.TemporaryDirectory(prefix="caddis-vm-") as name:
            folder = Path(name)
            _make_job(folder, job)
            begun = time.monotonic()
            with (folder / "qemu").open("wb") as said:
                qemu = subprocess.Popen(
                    self._argv(folder, disks, cpus), stdin=subprocess.DEVNULL, stdout=said, stderr=said
                )
            try:
                _await(lambda: _read(folder / "status") != "" or qemu.poll() is not None, deadline)
            finally:
                qemu.kill()  # a power cut: what is in the log is in the log
                qemu.wait()
            seconds = time.monotonic() - begun
            status = _read(folder / "status").strip()
            return Outcome(
                int(status) if status else None,
                _read(folder / "out"),
                _read(folder / "console") + _read(folder / "qemu"),
                seconds,
            )

    def _argv(self, folder: Path, disks: Sequence[Disk], cpus: int) -> list[str]:
        boot = "console=ttyS0 quiet panic=-1 mitigations=off random.trust_cpu=on"
        argv = [QEMU, "-nodefaults", "-no-reboot", "-display", "none", "-machine", "q35", "-cpu", "max"]
        argv += ["-accel", self.accelerator, "-smp", str(cpus), "-m", f"{self.memory_mb}M"]
        argv += ["-kernel", str(self.parts.kernel(self.kernel)), "-initrd", str(self.parts.initrd(self.kernel))]
        argv += ["-append", boot, "-serial", f"file:{folder}/console", "-device", "virtio-serial-pci"]
        for number, port in enumerate(("out", "status"), start=1):
            argv += ["-chardev", f"file,id={port},path={folder}/{port}"]
            argv += ["-device", f"virtserialport,chardev={port},nr={number},name={port}"]
        for number, image in enumerate((self.parts.root, libraries(), folder / "job.img")):
            argv += _read_only(f"own{number}", image)
        for number, disk in enumerate(disks):
            argv += _logged(f"disk{number}", disk) if disk.log else _plain(f"disk{number}", disk)
        return argv


def find_accelerator(parts: Parts) -> str:
    """ "kvm" where Debian's kernels really start under it, else "tcg"; the answer holds until the next reboot."""
    if not os.access("/dev/kvm", os.R_OK | os.W_OK):
        return "tcg"
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    kept = CACHE / f"accelerator-{parts.folder.name}-{boot[:8]}"
    if not kept.exists():
        works = all(
            Guest(parts, kernel, "kvm").do("true", deadline=_PROBE_SECONDS).status == 0 for kernel in ("6.1", "6.12")
        )
        kept.write_text("kvm" if works else "tcg")
    return kept.read_text()


def _make_job(folder: Path, job: str) -> None:
    """The project as it stands, and the job, as an image."""
    content = folder / "job"
    for part in ("src", "tests"):
        shutil.copytree(ROOT / part, content / part, ignore=shutil.ignore_patterns("*.egg-info"))
        compile_dir(content / part, quiet=2)  # here it takes a second, in there ten
    shutil.copy(ROOT / "pyproject.toml", content)
    (content / "run").write_text(_PROLOGUE + job + "\n")
    make_image(content, folder / "job.img")


def _read_only(name: str, image: Path) -> list[str]:
    drive = f"file={image},format=raw,if=none,id={name},readonly=on,file.locking=off"
    return ["-drive", drive, "-device", f"virtio-blk-pci,drive={name}"]


def _plain(name: str, disk: Disk) -> list[str]:
    drive = f"file={disk.path},format=raw,if=none,id={name},cache=unsafe,discard=unmap"
    return ["-drive", drive + ",snapshot=on" * disk.throw_away, "-device", f"virtio-blk-pci,drive={name}"]


def _logged(name: str, disk: Disk) -> list[str]:
    assert disk.log is not None
    disk.log.write_bytes(b"")
    # Flushes go into the log and end there: what counts is the log, and this computer does not lose its power.
    below = "cache.direct=off,cache.no-flush=on"
    return [
        *("-blockdev", f"driver=file,filename={disk.path},node-name={name}-file,{below}"),
        *("-blockdev", f"driver=file,filename={disk.log},node-name={name}-log,{below}"),
        *("-blockdev", f"driver=blklogwrites,file={name}-file,log={name}-log,log-sector-size=512,node-name={name}"),
        *("-device", f"virtio-blk-pci,drive={name}"),
    ]


def _read(path: Path) -> str:
    try:
        return path.read_text(errors="replace")
    except FileNotFoundError:
        return ""


def _await(condition: Callable[[], bool], deadline: float) -> None:
    until = time.monotonic() + deadline
    while not condition() and time.monotonic() < until:
        time.sleep(_POLL_SECONDS)
