"""PostgreSQL under pgbench through fifty snapshots: each starts, and has every transaction acknowledged before it."""

from __future__ import annotations

import contextlib
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from caddis.domain.files import ExportFormat
from caddis.domain.snapshot import origin_of
from caddis.images.store import ImageStore
from contracts.moving_contract import VIEW
from contracts.volumes_contract import copy_of, create
from real_store import temporary_host

pytestmark = [pytest.mark.host, pytest.mark.timeout(600)]

ROOT = Path(__file__).parents[2]
SNAPSHOTS = 50
BIN = "/usr/lib/postgresql/15/bin"
# A root made of the image that nobody else sees, thrown away with its namespace; only /data outlives it.
ENTER = """
mount -t tmpfs tmpfs "$2" && mkdir "$2/upper" "$2/work" "$2/root"
mount -t overlay overlay -o "lowerdir=$1,upperdir=$2/upper,workdir=$2/work" "$2/root"
mkdir -p "$2/root/data" "$2/root/dev" && mount --bind "$3" "$2/root/data" && mount --rbind /dev "$2/root/dev"
mount -t tmpfs tmpfs "$2/root/run" && mount -t proc proc "$2/root/proc" && chmod 1777 "$2/root/run"
echo ready
exec sleep 1000
"""


class Place:
    """Where PostgreSQL's programs run: the image's root with a volume at /data."""

    def __init__(self, pid: int, root: Path) -> None:
        self._enter = ["nsenter", "-t", str(pid), "-m", "chroot", str(root), "setpriv", "--reuid=postgres"]
        self._enter += ["--regid=postgres", "--init-groups", "--"]

    def words(self, *command: str) -> list[str]:
        return [*self._enter, f"{BIN}/{command[0]}", *command[1:]]

    def run(self, *command: str) -> str:
        done = subprocess.run(self.words(*command), capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, (command, done.stdout, done.stderr)
        return done.stdout.strip()

    def ask(self, sql: str) -> str:
        return self.run("psql", "-h", "/run", "-U", "postgres", "-qtA", "-c", sql)

    @contextlib.contextmanager
    def server(self) -> Iterator[None]:
        words = self.words("postgres", "-D", "/data/pg", "-k", "/run", "-c", "listen_addresses=", "-c", "jit=off")
        with subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as child:
            try:
                end = time.monotonic() + 60
                while subprocess.run(self.words("pg_isready", "-q", "-h", "/run")).returncode:
                    assert child.poll() is None and child.stderr is not None, child.stderr.read()
                    assert time.monotonic() < end
                    time.sleep(0.05)
                yield
            finally:
                child.send_signal(signal.SIGINT)
                child.communicate()


@contextlib.contextmanager
def place(image: str, folder: Path, data: Path) -> Iterator[Place]:
    folder.mkdir(exist_ok=True)
    words = ["unshare", "-m", "--propagation", "slave", "sh", "-ec", ENTER, "sh", image, str(folder), str(data)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as child:
        try:
            assert child.stdout is not None and child.stdout.readline() == "ready\n"
            yield Place(child.pid, folder / "root")
        finally:
            child.kill()


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("postgres")
    make = [sys.executable, str(ROOT / "packaging/base-images/make.py"), "postgres", "--data", str(folder)]
    tag = subprocess.run(make, check=True, capture_output=True, text=True, timeout=280).stdout.split("\t")[1].strip()
    store = ImageStore(folder / "images")
    yield store.rootfs(store.ensure(tag).digest)
    shutil.rmtree(folder)


def test_no_transaction_that_was_acknowledged_before_a_snapshot_is_missing_in_it(image: str, tmp_path: Path) -> None:
    with temporary_host() as host:
        store = host.open()
        volume = create(store)
        data = Path(store.mount(volume))
        data.chmod(0o777)
        taken: list[tuple[str, float]] = []
        with place(image, tmp_path / "origin", data) as origin:
            origin.run("initdb", "-D", "/data/pg", "-U", "postgres", "--auth=trust", "--locale=C.UTF-8")
            with origin.server():
                origin.run("pgbench", "-h", "/run", "-U", "postgres", "-i", "-q", "-s", "2")
                words = origin.words(
                    "pgbench", *["-h", "/run", "-U", "postgres", "-n", "-c", "2", "-j", "2", "-T", "600", "-l"]
                )
                words += ["--log-prefix=/data/log"]
                with subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as bench:
                    for number in range(SNAPSHOTS):
                        time.sleep(0.1)
                        taken.append((f"vs_{number:016}", time.time()))
                        store.take_snapshot(origin_of(volume), taken[-1][0])
                        assert bench.poll() is None
                    bench.send_signal(signal.SIGINT)  # to pgbench: nsenter and chroot became it
                acknowledged = sorted(_times(data))
        assert len(acknowledged) > 1000
        for snapshot, at in taken:
            copy = copy_of(store, volume, snapshot_id=snapshot)
            check_starts(image, tmp_path / "copy", Path(store.mount(copy)), sum(end < at for end in acknowledged))
            store.unmount(copy.id)
            store.erase(copy.id)
            store.erase_snapshot(snapshot)
        store.unmount(volume.id)
        store.erase(volume.id)


@pytest.mark.parametrize("format", list(ExportFormat))
def test_a_database_under_load_is_exported_and_starts_where_it_is_imported(
    image: str, tmp_path: Path, format: ExportFormat
) -> None:
    with temporary_host() as host:
        store = host.open()
        volume, other = create(store, encrypted=True), create(store)
        data = Path(store.mount(volume))
        data.chmod(0o777)
        with place(image, tmp_path / "origin", data) as origin:
            origin.run("initdb", "-D", "/data/pg", "-U", "postgres", "--auth=trust", "--locale=C.UTF-8")
            with origin.server():
                origin.run("pgbench", "-h", "/run", "-U", "postgres", "-i", "-q", "-s", "1")
                words = origin.words("pgbench", *["-h", "/run", "-U", "postgres", "-n", "-T", "600", "-l"])
                with subprocess.Popen(
                    [*words, "--log-prefix=/data/log"], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
                ) as bench:
                    time.sleep(1)
                    at = time.time()
                    root = store.open_view(VIEW, origin_of(volume), None)
                    parts = store.export(VIEW, origin_of(volume), root, format)
                    store.fill(other, lambda: next(parts, b""), lambda _bytes: None)
                    store.close_view(VIEW)
                    bench.send_signal(signal.SIGINT)
                acknowledged = sum(end < at for end in _times(data))
        assert acknowledged > 10
        check_starts(image, tmp_path / "copy", Path(store.mount(other)), acknowledged)
        for each in (volume, other):
            store.unmount(each.id)
            store.erase(each.id)


def check_starts(image: str, folder: Path, data: Path, acknowledged: int) -> None:
    """The database in that folder starts, is consistent, and has at least so many transactions."""
    (data / "pg" / "postmaster.pid").unlink()
    with place(image, folder, data) as restored, restored.server():
        counted = int(restored.ask("SELECT count(*) FROM pgbench_history"))
        sums = "SELECT sum(abalance) = (SELECT sum(delta) FROM pgbench_history) FROM pgbench_accounts"
        assert counted == 0 or restored.ask(sums) == "t"
    assert counted >= acknowledged


def _times(data: Path) -> Iterator[float]:
    """When each transaction was acknowledged, in Unix seconds, as pgbench logged it."""
    for path in data.glob("log.*"):
        for line in path.read_text().splitlines():
            words = line.split()
            if len(words) >= 6:  # the last line may be cut
                yield int(words[4]) + int(words[5]) / 1e6
