"""Base images made when a build asks for them, from Debian's packages. Needs Debian's mirror."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from caddis.domain.errors import Unreachable
from caddis.images.bases import Surroundings, make_base
from caddis.images.names import Name, Names
from caddis.images.place import Place
from caddis.images.recipes import RECIPES
from caddis.images.source import base_name
from caddis.images.store import ImageStore
from image_rooms import make_context, programs_started, seen
from tiny_image import make_tiny_image

pytestmark = pytest.mark.host

TAG = "registry.caddis.internal/app:1"
DEBIAN = base_name("debian:12")
NOWHERE = Surroundings("deb http://127.0.0.1:9/debian bookworm main\n", ())
_BUILD = (
    "import sys; from pathlib import Path; from caddis.images.store import ImageStore;"
    "ImageStore(Path(sys.argv[1])).build(sys.argv[2], tag='registry.caddis.internal/app:1', options={},"
    "on_line=lambda line: print(line, flush=True))"
)


def context(folder: Path, text: str = f"FROM {DEBIAN}\nRUN apt-get --version > /apt\n") -> str:
    return make_context(folder / "context.tar", {"Dockerfile": text})


def test_a_base_image_is_made_once_and_told_about(tmp_path: Path) -> None:
    store, lines = ImageStore(tmp_path / "images"), list[str]()
    store.build(context(tmp_path), tag=TAG, options={}, on_line=lines.append)
    root = Path(store.rootfs(store.ensure(TAG).digest))
    assert (root / "apt").read_text().startswith("apt ")
    assert (root / "etc/ssl/certs/ca-certificates.crt").stat().st_size > 100_000
    told = [line for line in lines if "base image debian:12" in line]
    assert told[0].startswith("Making base image debian:12 from Debian's packages (once on this host")
    assert told[1].startswith("Made base image debian:12: ")
    assert "  downloading packages" in lines
    assert seen(tmp_path / "images")["work"] == []
    assert str(tmp_path) not in Path("/proc/self/mountinfo").read_text()
    with programs_started() as started:
        store.build(context(tmp_path), tag=TAG, options={}, on_line=lines.append)
    assert not any("mmdebstrap" in line for line in started)


def test_killed_while_it_is_made_it_leaves_neither_process_nor_mount_nor_file(tmp_path: Path) -> None:
    images = tmp_path / "images"
    words = [sys.executable, "-c", _BUILD, str(images), context(tmp_path)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        while "extracting" not in (line := child.stdout.readline()):
            assert line, "it ended before it began"
        child.send_signal(signal.SIGKILL)
    end = time.monotonic() + 20
    while _processes(tmp_path) or (ImageStore(images) and seen(images)["work"]):
        assert time.monotonic() < end, (_processes(tmp_path), seen(images))
    assert seen(images)["names"] == []
    assert str(tmp_path) not in Path("/proc/self/mountinfo").read_text()


def _processes(folder: Path) -> list[str]:
    found = []
    for entry in os.listdir("/proc"):
        if entry.isdigit() and int(entry) != os.getpid():
            try:
                words = Path(f"/proc/{entry}/cmdline").read_bytes().replace(b"\0", b" ").decode()
            except OSError:
                continue
            found += [words] if str(folder) in words else []
    return found


def test_without_a_mirror_it_is_said_what_is_missing_and_nothing_stays(tmp_path: Path) -> None:
    place = Place(tmp_path / "images")
    names = Names(place.names)
    with pytest.raises(Unreachable, match=r"base image debian:12 cannot be made: .*127\.0\.0\.1") as refused:
        make_base(place, names, DEBIAN, anew=False, on_line=lambda _: None, surroundings=NOWHERE)
    assert "apt-get update" in (refused.value.hint or "")
    assert seen(tmp_path / "images") == {"names": [], "rootfs": [], "work": []}


def test_without_a_cache_one_is_made_anew_once_a_day_and_serves_on_when_that_fails(tmp_path: Path) -> None:
    store = ImageStore(tmp_path / "images")
    store.import_base("debian:12", make_tiny_image(tmp_path))
    names, lines = Names(tmp_path / "images/names"), list[str]()
    known = names.find(DEBIAN)
    assert known is not None
    look, place = f"made {NOWHERE.hash(RECIPES['debian'])}", Place(tmp_path / "images")
    for made, anew in ((time.time(), True), (time.time() - 2 * 86400, False)):
        names.put(Name(DEBIAN, known.digest, f"{look} {made:.0f}"))
        make_base(place, names, DEBIAN, anew=anew, on_line=lines.append, surroundings=NOWHERE)
        assert lines == []
    old = names.find(DEBIAN)
    make_base(place, names, DEBIAN, anew=True, on_line=lines.append, surroundings=NOWHERE)
    assert lines[0].startswith("Making base image debian:12")
    assert lines[-1].endswith("; the one from before is used")
    assert names.find(DEBIAN) == old


def test_what_somebody_imported_under_the_name_is_left_alone(tmp_path: Path) -> None:
    store, lines = ImageStore(tmp_path / "images"), list[str]()
    store.import_base("debian:12", make_tiny_image(tmp_path, files={"/mine": b"1"}))
    text = f"FROM {DEBIAN}\nRUN cat /mine\n"
    store.build(context(tmp_path, text), tag=TAG, options={"no_cache": True}, on_line=lines.append)
    assert not any("Making" in line for line in lines)
