"""What the guest is made of: two Debian kernels and a root file system, made from Debian's packages and kept in .cache.

Nothing is installed on this computer: packages come through an apt of their own settings and are only unpacked. The
folder's name is a hash of the recipe, so that a second run takes no time; remove .cache/vm for the packages of today.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import lzma
import os
import re
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from caddis.images.apt import find_sources, proxies
from caddis.kernel import mmdebstrap
from caddis.kernel.command import Command, run

ROOT = Path(__file__).resolve().parents[2]
CACHE = ROOT / ".cache" / "vm"
INITS = Path(__file__).parent / "inits"
KERNELS = {"6.1": "linux-image-cloud-amd64", "6.12": "linux-image-6.12-cloud-amd64"}
PACKAGES = (
    *("python3", "kmod", "busybox-static", "util-linux", "mount", "iproute2", "nftables"),
    *("cryptsetup-bin", "e2fsprogs", "xfsprogs", "runc", "conmon", "tini", "skopeo", "umoci"),
)
EARLY_MODULES = (
    "virtio_pci",
    "virtio_blk",
    "overlay",
)  # what it takes to see the root; everything else is loaded from there
FALLBACK_SOURCES = (
    "deb http://deb.debian.org/debian bookworm main\n"
    "deb http://deb.debian.org/debian bookworm-updates main\n"
    "deb http://deb.debian.org/debian-security bookworm-security main\n"
)
# Drivers of hardware that no guest has: left out, they make the image half as large.
_NO_HARDWARE = (
    "drivers/net/ethernet",
    "drivers/infiniband",
    "drivers/gpu",
    "drivers/scsi",
    "drivers/hv",
    "drivers/nvme",
)
_EMPTY_STATUS = "dpkg-status"
_APT = """\
Dir::State "{folder}/state";
Dir::State::status "{folder}/dpkg-status";
Dir::Cache "{folder}/cache";
Dir::Etc::sourcelist "{folder}/{sources}";
Dir::Etc::sourceparts "-";
APT::Sandbox::User "root";
"""


@dataclass(frozen=True)
class Parts:
    """Where the made parts are."""

    folder: Path

    @property
    def root(self) -> Path:
        return self.folder / "root.img"

    def kernel(self, version: str) -> Path:
        return self.folder / f"vmlinuz-{version}"

    def initrd(self, version: str) -> Path:
        return self.folder / f"initrd-{version}"


def make_parts() -> Parts:
    """The parts, which are made unless they are there: about a minute."""
    sources = find_sources(Path("/etc/apt")) or FALLBACK_SOURCES
    shape = [sources, *(path.read_text() for path in (Path(__file__), *sorted(INITS.iterdir())))]
    folder = CACHE / hashlib.sha256(json.dumps(shape).encode()).hexdigest()[:12]
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / "lock").open("w") as lock:  # two suites at once: the second waits, then finds everything made
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            print("making the guest from Debian's packages (once; about a minute) …", file=sys.stderr, flush=True)
            workplace = CACHE / f"{folder.name}.new"
            shutil.rmtree(workplace, ignore_errors=True)
            workplace.mkdir()
            _make(workplace, sources)
            workplace.rename(folder)
    return Parts(folder)


def libraries() -> Path:
    """An image of the project's own libraries, as the lock has them."""
    site = next((ROOT / ".venv" / "lib").glob("python3.*")) / "site-packages"
    assert site.parent.name == "python3.11", f"the guest has Python 3.11, .venv has {site.parent.name}"
    key = hashlib.sha256((ROOT / "requirements.lock").read_bytes()).hexdigest()[:12]
    image = CACHE / f"libraries-{key}.img"
    if not image.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        make_image(site, image)
    return image


def make_image(folder: Path, image: Path) -> None:
    """An ext4 image with what is in the folder, and some room."""
    fresh = image.with_name(f"{image.name}.{os.getpid()}.new")
    taken = sum(path.lstat().st_size // 4096 + 2 for path in folder.rglob("*"))
    with fresh.open("wb") as file:
        file.truncate((taken * 4096 * 5 // 4 + (16 << 20)) // 4096 * 4096)
    argv = ("mke2fs", "-q", "-F", "-t", "ext4", "-O", "^has_journal", "-m", "0", "-d", str(folder), str(fresh))
    run(Command(argv=argv, deadline=120))
    fresh.rename(image)


def _make(workplace: Path, sources: str) -> None:
    """Everything that the folder holds; what it takes meanwhile goes again."""
    scratch = workplace / "scratch"
    tree = scratch / "tree"
    tree.mkdir(parents=True)
    listed = "debian.sources" if sources.startswith("Types:") else "debian.list"
    (scratch / listed).write_text(sources)
    tar = scratch / "root.tar"
    run(mmdebstrap.bootstrap(str(tar), suite="bookworm", packages=PACKAGES, sources=(str(scratch / listed),)))
    run(Command(argv=("tar", "-C", str(tree), "-xf", str(tar)), deadline=120))
    _own_apt(scratch, listed)
    for version, metapackage in KERNELS.items():
        _take_kernel(workplace, version, _fetch(scratch, metapackage))
    shutil.copy(INITS / "vm-init", tree / "usr/sbin/vm-init")
    (tree / "usr/sbin/vm-init").chmod(0o755)
    for folder in ("lib", "job", "work"):
        (tree / "srv" / folder).mkdir()
    make_image(tree, workplace / "root.img")
    shutil.rmtree(scratch)


def _own_apt(scratch: Path, listed: str) -> None:
    for folder in ("state/lists/partial", "cache/archives/partial"):
        (scratch / folder).mkdir(parents=True)
    (scratch / _EMPTY_STATUS).write_text("")
    (scratch / "apt.conf").write_text(_APT.format(folder=scratch, sources=listed))
    _apt(scratch, "apt-get", "-qq", "update")


def _apt(scratch: Path, *argv: str) -> str:
    env = {"APT_CONFIG": str(scratch / "apt.conf"), **proxies()}
    return run(Command(argv=argv, deadline=600, env=env, cwd=str(scratch))).text


def _fetch(scratch: Path, metapackage: str) -> Path:
    """Unpack the kernel that the metapackage names today; the folder."""
    found = re.search(r"Depends: (linux-image-\S+)", _apt(scratch, "apt-cache", "depends", metapackage))
    assert found, f"no kernel behind {metapackage}"
    _apt(scratch, "apt-get", "-qq", "download", found[1])
    (package,) = scratch.glob(f"{found[1]}_*.deb")
    unpacked = scratch / found[1]
    run(Command(argv=("dpkg-deb", "-x", str(package), str(unpacked)), deadline=120))
    return unpacked


def _take_kernel(workplace: Path, version: str, unpacked: Path) -> None:
    """Kernel and initrd beside the root, its modules into the root."""
    tree = workplace / "scratch" / "tree"
    (modules,) = (unpacked / "lib/modules").iterdir()
    for unused in _NO_HARDWARE:
        shutil.rmtree(modules / "kernel" / unused, ignore_errors=True)
    (vmlinuz,) = (unpacked / "boot").glob("vmlinuz-*")
    shutil.copy(vmlinuz, workplace / f"vmlinuz-{version}")
    (workplace / f"initrd-{version}").write_bytes(_initrd(modules, tree / "bin/busybox"))
    shutil.copytree(modules, tree / "usr/lib/modules" / modules.name, symlinks=True)
    run(Command(argv=("chroot", str(tree), "depmod", modules.name), deadline=120))


def _initrd(modules: Path, busybox: Path) -> bytes:
    """busybox, the early modules in the order in which they need one another, and the script that mounts the root."""
    order: list[str] = []
    bodies: dict[str, bytes] = {}

    def take(name: str) -> None:
        path = next(iter([*modules.rglob(f"{name}.ko*"), *modules.rglob(f"{name.replace('_', '-')}.ko*")]), None)
        if path is None or name in bodies:  # None: built into this kernel
            return
        bodies[name] = lzma.decompress(path.read_bytes()) if path.suffix == ".xz" else path.read_bytes()
        needs = re.search(rb"\0depends=([^\0]*)\0", bodies[name])
        for needed in needs[1].decode().split(",") if needs and needs[1] else ():
            take(needed)
        order.append(name)

    for module in EARLY_MODULES:
        take(module)
    files = {f"modules/{number:02}-{name}.ko": bodies[name] for number, name in enumerate(order)}
    script = (INITS / "initrd-init").read_bytes()
    return _cpio(
        {"bin/busybox": busybox.read_bytes(), "init": script, **files},
        ("bin", "modules", "proc", "sys", "dev", "root", "over"),
    )


def _cpio(files: dict[str, bytes], folders: tuple[str, ...]) -> bytes:
    """An archive in the form that the kernel unpacks ("newc")."""
    entries = [(name, b"", 0o040755) for name in folders] + [(name, body, 0o100755) for name, body in files.items()]
    out = bytearray()
    for number, (name, body, mode) in enumerate([*entries, ("TRAILER!!!", b"", 0)], start=1):
        fields = (number, mode, 0, 0, 1, 0, len(body), 0, 0, 0, 0, len(name) + 1, 0)
        out += b"070701" + b"".join(b"%08X" % field for field in fields) + name.encode() + b"\0"
        out += bytes(-len(out) % 4)
        out += body
        out += bytes(-len(out) % 4)
    return bytes(out)
