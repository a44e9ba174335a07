"""A host's real pool and volumes in a temporary folder, and the question whether anything of it is left."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from caddis.domain.sizes import GIB
from caddis.kernel import loop, mount
from caddis.volumes.encryption import ensure_mapping_closed
from caddis.volumes.pool import PoolChoice
from caddis.volumes.store import VolumeStore, open_store
from contracts.volumes_contract import Host

POOL_BYTES = 9 * GIB // 2


class RealHost(Host):
    """One host's folders. `open` may be called again, as by an agent that returns."""

    def __init__(self, folder: Path, choice: PoolChoice | None = None) -> None:
        self.data, self.run = folder / "data", folder / "run"
        self.choice = choice or PoolChoice(size_bytes=POOL_BYTES)

    def open(self) -> VolumeStore:
        self.store = open_store(self.choice, host="h1", data=self.data, run=self.run)
        return self.store

    def image(self, volume_id: str) -> Path:
        return self.run / "pool" / "volumes" / f"{volume_id}.img"

    def put_file(self, path: str, name: str, content: bytes) -> None:
        (Path(path) / name).write_bytes(content)

    def list_files(self, path: str) -> list[str]:
        return sorted(os.listdir(path))

    def swap_images(self, one: str, other: str) -> None:
        aside = self.image(one).with_suffix(".aside")
        self.image(one).rename(aside)
        self.image(other).rename(self.image(one))
        aside.rename(self.image(other))

    def leftovers(self) -> list[str]:
        pool = str(self.run / "pool")
        held = [line for line in list_mounts(self.run) if line not in (str(self.run), pool)]
        files = [
            str(path)
            for kind in ("volumes", "snapshots", "scratch")
            for path in sorted((self.run / "pool" / kind).glob("*"))
        ]
        points = [str(path) for kind in ("volumes", "scratch", "views") for path in sorted((self.run / kind).glob("*"))]
        mapped = [f"mapping of {volume_id}" for volume_id in list_mapped(self.run)]
        return held + mapped + list_loops(self.run) + files + points

    def die_at(self, seam: str, script: str) -> None:
        """Run Python text with `store` open in a child that is killed at that seam."""
        code = (
            "from pathlib import Path\n"
            "from caddis.volumes.pool import PoolChoice\n"
            "from caddis.volumes.store import open_store\n"
            "import pickle, sys\n"
            "choice, data, run, extra = pickle.loads(bytes.fromhex(sys.argv[1]))\n"
            "store = open_store(choice, host='h1', data=data, run=run)\n" + script
        )
        packed = pickle.dumps((self.choice, self.data, self.run, self.extra)).hex()
        done = subprocess.run(
            [sys.executable, "-c", code, packed],
            env={**os.environ, "CADDIS_DIE_AT": seam},
            capture_output=True,
            timeout=60,
        )
        assert done.returncode == -9, (seam, done.returncode, done.stderr.decode())

    extra: object = None


def list_mounts(below: Path) -> list[str]:
    """Mount points below a folder, itself included."""
    lines = Path("/proc/self/mountinfo").read_text().splitlines()
    points = [line.split(" ")[4] for line in lines]
    return [point for point in points if point == str(below) or point.startswith(f"{below}/")]


def unmount_all(below: Path) -> None:
    """What is mounted on top first; a mount may hide others."""
    while points := list_mounts(below):
        point = Path(points[-1])
        assert mount.unmount(point, patience=5), point
        assert mount.drop_own_mount(point), point


def list_loops(below: Path) -> list[str]:
    """Files below a folder that a loop device shows."""
    found = []
    for device in Path("/sys/block").glob("loop*/loop/backing_file"):
        try:
            backing = device.read_text().strip()
        except OSError:
            continue
        if backing.startswith(f"{below}/"):
            found.append(f"{device.parts[3]} {backing}")
    return found


def list_mapped(below: Path) -> list[str]:
    """Volumes that device-mapper shows, and whose images are below a folder."""
    held = [line.split(" ")[0] for line in list_loops(below)]
    mapped = [path.parent.parent for name in held for path in Path("/sys/block", name, "holders").glob("*/dm/name")]
    return [(block / "dm" / "name").read_text().strip().removeprefix("caddis-") for block in mapped]


@contextmanager
def temporary_host(choice: PoolChoice | None = None) -> Iterator[RealHost]:
    """A host that is not open yet. At the end its mounts go, and all else must have gone with them."""
    with tempfile.TemporaryDirectory(prefix="caddis-volumes-") as name:
        folder = Path(name)
        try:
            yield RealHost(folder, choice)
        finally:
            for pool in folder.glob("run/pool/volumes/*.img"):  # devices of raw volumes have no mount to go with
                with open(pool, "rb") as image:
                    device = loop.find(image.fileno())
                if device is not None:
                    loop.detach(device)
                    device.release()
            unmount_all(folder / "run" / "volumes")
            for volume_id in list_mapped(folder):
                ensure_mapping_closed(volume_id)
            unmount_all(folder)
            assert mount.wait_until(lambda: list_loops(folder) == [], patience=5), list_loops(folder)
