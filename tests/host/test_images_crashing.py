"""Killed at any instant, the store shows a whole image or none, and the next one goes on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from caddis.domain.errors import NotFound
from caddis.images.store import ImageStore
from image_rooms import make_context, seen
from tiny_image import make_tiny_image

pytestmark = pytest.mark.host

_ENSURE = (
    "import sys; from pathlib import Path; from caddis.images.store import ImageStore;"
    "ImageStore(Path(sys.argv[1])).ensure(sys.argv[2])"
)
_BUILD = (
    "import sys; from pathlib import Path; from caddis.images.store import ImageStore;"
    "ImageStore(Path(sys.argv[1])).build(sys.argv[2], tag='registry.caddis.internal/app:1', options={}, on_line=print)"
)


def _die_at(seam: str, program: str, *arguments: str) -> None:
    environment = {**os.environ, "CADDIS_DIE_AT": seam}
    done = subprocess.run([sys.executable, "-c", program, *arguments], env=environment, capture_output=True, timeout=60)
    assert done.returncode == -signal.SIGKILL, done.stderr.decode()


def _sweep(images: Path, deadline: float = 20.0) -> None:
    """Start anew until the programs of the dead have ended too and nothing half-done is left."""
    end = time.monotonic() + deadline
    while ImageStore(images) and seen(images)["work"]:
        assert time.monotonic() < end, seen(images)


@pytest.mark.parametrize(
    ("seam", "unpacked"),
    [
        ("images.fetch:copied", 0),
        ("images.fetch:recorded", 0),
        ("images.unpack:unpacked", 0),
        ("images.unpack:renamed", 1),
    ],
)
def test_a_death_at_any_place_leaves_a_whole_image_or_none(tmp_path: Path, seam: str, unpacked: int) -> None:
    images, reference = tmp_path / "images", make_tiny_image(tmp_path)
    _die_at(seam, _ENSURE, str(images), reference)
    assert len(seen(images)["rootfs"]) == unpacked
    _sweep(images)
    store = ImageStore(images)
    config = store.ensure(reference)
    assert Path(store.rootfs(config.digest), "bin/busybox").stat().st_size > 1_000_000
    assert seen(images)["work"] == []


def test_a_death_in_the_middle_of_unpacking_shows_nothing(tmp_path: Path) -> None:
    images = tmp_path / "images"
    reference = make_tiny_image(tmp_path, files={f"/files/{number}": b"x" * 500 for number in range(20_000)})
    child = subprocess.Popen([sys.executable, "-c", _ENSURE, str(images), reference], start_new_session=True)
    try:
        end = time.monotonic() + 60
        while not list(images.glob("work/*/rootfs/files")):
            assert child.poll() is None and time.monotonic() < end
    finally:
        child.kill()
        child.wait()
    assert seen(images)["rootfs"] == []
    store = ImageStore(images)
    config = store.ensure(reference)
    assert len(list(Path(store.rootfs(config.digest), "files").iterdir())) == 20_000
    _sweep(images)


def test_a_death_during_a_build_leaves_no_mount_and_no_image(tmp_path: Path) -> None:
    images = tmp_path / "images"
    ImageStore(images).import_base("tiny:1", make_tiny_image(tmp_path))
    dockerfile = "FROM registry.caddis.internal/base/tiny:1\nRUN echo reached; sleep 2; echo over > /over\n"
    context = make_context(tmp_path / "c.tar", {"Dockerfile": dockerfile})
    child = subprocess.Popen(
        [sys.executable, "-u", "-c", _BUILD, str(images), context], stdout=subprocess.PIPE, text=True
    )
    assert child.stdout is not None
    assert any(line.strip() == "reached" for line in child.stdout)
    child.kill()
    child.communicate()
    store = ImageStore(images)
    with pytest.raises(NotFound):
        store.ensure("registry.caddis.internal/app:1")
    assert str(images) not in Path("/proc/self/mountinfo").read_text()
    lines: list[str] = []
    name = store.build(context, tag="registry.caddis.internal/app:1", options={}, on_line=lines.append)
    assert Path(store.rootfs(store.ensure(name).digest), "over").read_text() == "over\n"
    _sweep(images)


@pytest.mark.parametrize("seam", ["images.build:built", "images.build:recorded"])
def test_a_death_after_a_build_leaves_nothing_half_done(tmp_path: Path, seam: str) -> None:
    images = tmp_path / "images"
    context = make_context(tmp_path / "c.tar", {"Dockerfile": "FROM scratch\nCOPY x /\n", "x": "hello"})
    _die_at(seam, _BUILD, str(images), context)
    _sweep(images)
    store = ImageStore(images)
    name = store.build(context, tag="registry.caddis.internal/app:1", options={}, on_line=lambda _: None)
    assert Path(store.rootfs(store.ensure(name).digest), "x").read_text() == "hello"
