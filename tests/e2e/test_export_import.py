"""Volumes out and in on a real installation: every file the same, in both formats, from files, pipes, folders; bad input."""

from __future__ import annotations

import gzip
import io
import json
import os
import signal
import subprocess
import tarfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from caddis.kernel import loop, mount
from real_calls import Calls
from real_machines import wait_until
from real_up import BIN, Running, left_behind, running
from tree import make_tree, scan_tree

pytestmark = pytest.mark.e2e

AGENT = "caddis.agent"
BIG = 60  # MiB


@pytest.fixture(scope="module")
def calls() -> Iterator[Calls]:
    with running(hosts=1, pool_size="34G") as up:
        calls = Calls(up, "moving")
        yield calls
        calls.close()
    assert left_behind(up.data) == []


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with every kind of file, and some that are large."""
    top = tmp_path_factory.mktemp("tree") / "top"
    make_tree(top, devices=False)
    (top / "big").write_bytes(os.urandom(1 << 20) * BIG)
    return top


def import_(calls: Calls, folder: Path, source: str, *words: str, name: str = "moved") -> dict[str, Any]:
    words = ("--from", source, "-r", "lhr", "-a", calls.app, "--require-unique-zone=false", "--json", *words)
    said = calls.up.fly("volumes", "import", name, *words, folder=folder)
    made: dict[str, Any] = json.loads(said[said.index("{") :])
    return made


def destroy(calls: Calls, *volumes: str) -> None:
    for volume in volumes:
        calls.ok("DELETE", f"/volumes/{volume}")


def views(up: Running) -> list[str]:
    """What is left of views: loop devices and mounts of them, and their images in the pool."""
    kernel = [line for line in left_behind(up.data) if "view-" in line]
    pools = Path("/run/caddis").glob(f"{(up.data / 'instance').read_text().strip()}/*/pool/scratch/view-*")
    return kernel + [str(path) for path in pools]


def taken(calls: Calls, volume: str, folder: Path) -> dict[Any, Any]:
    """What is in the volume, by way of a tar and GNU tar."""
    archive, top = folder / "seen.tar", folder / f"seen-{time.monotonic_ns()}"
    calls.up.fly("volumes", "export", volume, "-o", str(archive), "-f", "-a", calls.app, folder=folder)
    top.mkdir()
    command = ["tar", "--extract", "--file", archive, "--xattrs", "--xattrs-include=*", "--directory", top]
    subprocess.run(command, check=True, capture_output=True)
    return scan_tree(top)


@pytest.mark.parametrize("encryption", ["", "--no-encryption"])
@pytest.mark.parametrize("name", ["out.tar.zst", "out.tar", "out.ext4.zst", "out.ext4"])
def test_every_file_is_the_same_after_export_and_import(
    calls: Calls, tree: Path, tmp_path: Path, name: str, encryption: str
) -> None:
    words = [encryption] if encryption else []
    origin = import_(calls, tmp_path, str(tree), *words)["id"]
    assert taken(calls, origin, tmp_path) == scan_tree(tree)
    out = tmp_path / name
    begun = time.monotonic()
    calls.up.fly("volumes", "export", origin, "-o", str(out), "-a", calls.app, folder=tmp_path)
    middle = time.monotonic()
    again = import_(calls, tmp_path, str(out), *words)
    print(f"{name} {encryption}: out {middle - begun:.1f} s, in {time.monotonic() - middle:.1f} s")
    assert (again["state"], again["encrypted"]) == ("created", not encryption)
    assert taken(calls, again["id"], tmp_path) == scan_tree(tree)
    assert views(calls.up) == []
    destroy(calls, origin, again["id"])
