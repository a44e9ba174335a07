"""What the tests of images share: contexts to build, images with given layers, and an account of programs started."""

from __future__ import annotations

import hashlib
import io
import logging
import tarfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tiny_image import write_docker_archive


def make_context(path: Path, files: Mapping[str, str]) -> str:
    """A tarball of these files; its path."""
    with tarfile.open(path, "w") as archive:
        for name, text in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(text.encode())
            archive.addfile(member, io.BytesIO(text.encode()))
    return str(path)


def make_layered_image(path: Path, *layers: bytes) -> str:
    """A docker-archive of these uncompressed layers; its reference."""
    hashes = ["sha256:" + hashlib.sha256(layer).hexdigest() for layer in layers]
    document = {
        "architecture": "amd64",
        "os": "linux",
        "config": {"Cmd": ["sh"]},
        "rootfs": {"type": "layers", "diff_ids": hashes},
    }
    return write_docker_archive(path, document, layers)


@contextmanager
def programs_started() -> Iterator[list[str]]:
    """The command lines that go through the door while this lasts."""
    started: list[str] = []

    class Account(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if record.getMessage() == "command":
                started.append(str(getattr(record, "facts", {}).get("argv")))

    logger, account = logging.getLogger("caddis"), Account()
    level = logger.level
    logger.addHandler(account)
    logger.setLevel(logging.DEBUG)
    try:
        yield started
    finally:
        logger.removeHandler(account)
        logger.setLevel(level)


def seen(folder: Path) -> dict[str, list[str]]:
    """What a store's folder shows: names, unpacked images, half-done things."""
    return {room: sorted(path.name for path in (folder / room).iterdir()) for room in ("names", "rootfs", "work")}
