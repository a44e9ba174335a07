"""The floor: the programs and system calls that a start and a creation take, in a bare script, with no book kept."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from caddis.kernel import conmon
from caddis.kernel.command import command, run

_BUSYBOX = "/bin/busybox"


class Floor:
    """A pool of its own and one container on it; made by `floor`, which gives everything back."""

    def __init__(self, folder: Path) -> None:
        self.pool = folder / "pool"
        self._folder = folder
        self._name = folder.name
        self._bundle = folder / "bundle"
        self._volume = self.pool / "volume.img"

    def create_volume(self) -> None:
        """Allocate 1 GB in the pool and put ext4 on it."""
        _do("fallocate", "-l", "1g", str(self._volume))
        _do(
            "mkfs.ext4",
            "-q",
            "-E",
            "lazy_itable_init=1,lazy_journal_init=1,nodiscard",
            "-O",
            "encrypt",
            str(self._volume),
        )
        _do("sync", str(self._volume))

    def erase_volume(self) -> None:
        """Delete it."""
        self._volume.unlink()

    def start(self) -> None:
        """Volume, scratch file system, overlay, network namespace, conmon and container."""
        mounts, scratch = self._folder, self.pool / "scratch.img"
        _do("mount", "-o", "loop", str(self._volume), str(mounts / "volume"))
        with scratch.open("wb") as file:
            file.truncate(1 << 30)
        _do("mkfs.ext4", "-q", "-O", "^has_journal", "-E", "lazy_itable_init=1,nodiscard", str(scratch))
        _do("mount", "-o", "loop", str(scratch), str(mounts / "scratch"))
        (mounts / "scratch/upper").mkdir()
        (mounts / "scratch/work").mkdir()
        layers = f"lowerdir={mounts}/image,upperdir={mounts}/scratch/upper,workdir={mounts}/scratch/work"
        _do("mount", "-t", "overlay", "-o", layers, "floor", str(self._bundle / "rootfs"))
        self._network()
        self._container()

    def stop(self) -> None:
        """Everything that `start` made."""
        _do("runc", "--root", f"{self._bundle}/runc", "delete", "--force", self._name)
        for name in ("bundle/rootfs", "scratch", "volume"):
            _do("umount", str(self._folder / name))
        _do("ip", "netns", "delete", self._name)

    def _network(self) -> None:
        name = self._name
        link = f"v{name[-8:]}"
        _do("ip", "netns", "add", name)
        batch = f"link add {link} type veth peer name eth0 netns {name}\nlink set {link} up\n"
        run(command("ip", "-batch", "-", stdin=batch.encode()))
        inside = "link set lo up\nlink set eth0 up\naddr add 198.51.100.2/30 dev eth0\n"
        run(command("ip", "-n", name, "-batch", "-", stdin=inside.encode()))

    def _container(self) -> None:
        files = conmon.Files(str(self._bundle))
        wanted = conmon.create(files, self._name, log=f"{self._folder}/log", log_bytes=1 << 20, terminal=False)
        conmon.run_create(wanted)
        _do("runc", "--root", files.runc_root, "start", self._name)


@contextmanager
def floor(parent: Path | None) -> Iterator[Floor]:
    """A fresh one: an XFS pool in a file, a busybox image and a bundle for it."""
    folder = Path(tempfile.mkdtemp(prefix="caddis-floor-", dir=parent))
    try:
        for name in (
            "pool",
            "volume",
            "scratch",
            "image/bin",
            "image/data",
            "image/proc",
            "image/dev",
            "bundle/rootfs",
        ):
            (folder / name).mkdir(parents=True)
        shutil.copy(_BUSYBOX, folder / "image/bin/busybox")
        _write_bundle(folder)
        _do("fallocate", "-l", "4g", str(folder / "pool.img"))
        _do("mkfs.xfs", "-q", "-m", "reflink=1", str(folder / "pool.img"))
        _do("mount", "-o", "loop", str(folder / "pool.img"), str(folder / "pool"))
        yield Floor(folder)
    finally:
        _give_back(folder)


def _give_back(folder: Path) -> None:
    """Whatever there still is of it, however far a start came."""
    run(command("runc", "--root", f"{folder}/bundle/runc", "delete", "--force", folder.name), accept=(0, 1))
    mounted = [line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()]
    for place in reversed([place for place in mounted if place.startswith(f"{folder}/")]):
        _do("umount", place)
    run(command("ip", "netns", "delete", folder.name), accept=(0, 1))
    shutil.rmtree(folder)


def _write_bundle(folder: Path) -> None:
    _do("runc", "spec", "--bundle", str(folder / "bundle"))
    path = folder / "bundle/config.json"
    spec = json.loads(path.read_text())
    spec["process"] |= {"args": ["/bin/busybox", "sleep", "100000"], "terminal": False}
    spec["linux"]["cgroupsPath"] = f"/{folder.name}"
    spec["linux"]["namespaces"] = [
        *(space for space in spec["linux"]["namespaces"] if space["type"] != "network"),
        {"type": "network", "path": f"/run/netns/{folder.name}"},
    ]
    spec["mounts"].append(
        {"destination": "/data", "type": "bind", "source": str(folder / "volume"), "options": ["rbind", "rw"]}
    )
    path.write_text(json.dumps(spec))


def _do(*argv: str) -> None:
    run(command(*argv))
