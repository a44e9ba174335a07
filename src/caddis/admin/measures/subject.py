"""What is measured: a fresh installation in a temporary folder, with an app and a tiny image; all is removed again."""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import sys
import tarfile
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from caddis.admin.installation import Installation
from caddis.client import apps, machines, volumes
from caddis.client.settings import Settings
from caddis.client.transport import Client
from caddis.domain.errors import Problem, TimedOut
from caddis.kernel.command import Child, Command, run, start

APP = "bench"
REGION = "lhr"
FLY = str(Path(sys.executable).parent / "fly")
UP_DEADLINE = 120.0
_POOL = "30G"  # destroyed volumes keep their place for a day


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """`image` is a reference that every host here can fetch."""

    installation: Installation
    client: Client
    image: str

    def create_volume(self, name: str, **wish: Any) -> str:
        """A volume of 1 GB; its id."""
        wanted = {"name": name, "region": REGION, "size_gb": 1, "require_unique_zone": False, **wish}
        return str(self.client.send(volumes.create_volume(APP, wanted))["id"])

    def create_machine(self, volume: str | None = None) -> str:
        """A running machine, with the volume on /data; its id."""
        config: dict[str, Any] = {"image": self.image, "guest": {"cpu_kind": "shared", "cpus": 1, "memory_mb": 256}}
        if volume:
            config["mounts"] = [{"volume": volume, "path": "/data"}]
        made = self.client.send(machines.create_machine(APP, {"config": config, "region": REGION}))
        self.client.send(machines.wait_for(APP, made["id"], ("started",), seconds=60))
        return str(made["id"])

    def destroy_machine(self, machine: str) -> None:
        """At once, running or not."""
        self.client.send(machines.destroy_machine(APP, machine, kill=True))

    def environment(self) -> dict[str, str]:
        """For `fly` as a child program."""
        settings = self.client.settings
        return {
            "FLY_FLAPS_BASE_URL": settings.url,
            "FLY_API_BASE_URL": settings.url,
            "FLY_ACCESS_TOKEN": settings.token,
        }


@contextmanager
def fresh_installation(parent: Path | None) -> Iterator[Subject]:
    """`caddis up` with one host on a new data folder below `parent`; taken down and deleted afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="caddis-bench-", dir=parent))
    data = folder / "data"
    env = {"XDG_CONFIG_HOME": str(folder / "config")}
    options = ("--data", str(data), "--listen", "127.0.0.1:0", "--region", REGION, "--pool-size", _POOL)
    log = os.open(folder / "up.log", os.O_WRONLY | os.O_CREAT, 0o600)
    up = start(Command(argv=(*_caddis(), "up", *options, "--stop-machines"), env=env), output=log)
    os.close(log)
    try:
        _wait_ready(up, folder / "up.log")
        installation = Installation(data)
        client = Client(Settings(url=installation.find_url() or "", token=installation.find_token() or ""))
        client.send(apps.create_app(APP, "personal"))
        yield Subject(installation=installation, client=client, image=_write_image(folder))
        client.close()
    finally:
        up.ask_to_end()
        up.end(120)
        if (data / "instance").exists():
            run(Command(argv=(*_caddis(), "down", "--data", str(data)), deadline=300))
        shutil.rmtree(folder)


def _caddis() -> tuple[str, ...]:
    return (sys.executable, "-c", "from caddis.admin.main import main; main()")


def _wait_ready(up: Child, log: Path) -> None:
    deadline = time.monotonic() + UP_DEADLINE
    while "ready in" not in (said := log.read_text()):
        if up.poll() is not None:
            raise Problem(f"caddis up ended: {said.strip()}")
        if time.monotonic() > deadline:
            raise TimedOut(f"caddis up was not ready in {UP_DEADLINE:g} s: {said.strip()}")
        time.sleep(0.05)


def _write_image(folder: Path) -> str:
    """A docker-archive with busybox alone, whose program sleeps."""
    layer = io.BytesIO()
    with tarfile.open(fileobj=layer, mode="w") as tar:
        tar.add("/bin/busybox", "bin/busybox")
        for name in ("dev", "proc", "sys", "tmp", "etc", "data"):
            member = tarfile.TarInfo(name)
            member.type, member.mode = tarfile.DIRTYPE, 0o755
            tar.addfile(member)
    digest = hashlib.sha256(layer.getvalue()).hexdigest()
    config = {
        "architecture": "amd64",
        "os": "linux",
        "config": {"Env": ["PATH=/bin"], "Cmd": ["/bin/busybox", "sleep", "100000"]},
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest}"]},
    }
    manifest = [{"Config": "config.json", "RepoTags": ["caddis.bench/sleep:latest"], "Layers": ["layer.tar"]}]
    members = {"layer.tar": layer.getvalue(), "config.json": _json(config), "manifest.json": _json(manifest)}
    with tarfile.open(folder / "image.tar", "w") as archive:
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return f"docker-archive:{folder / 'image.tar'}"


def _json(document: object) -> bytes:
    return json.dumps(document).encode()
