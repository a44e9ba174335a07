"""Which image a reference meant when it was last looked at."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from caddis.domain.errors import Invalid, NotFound
from caddis.images.source import Kind, Source, candidate_paths
from caddis.kernel.durable import write_whole


@dataclass(frozen=True, slots=True)
class Name:
    """A reference, the image behind it, and how its source looked then: the same look means the same image."""

    reference: str
    digest: str
    look: str = ""


class Names:
    """One small file per reference; readers see the old or the new one."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def find(self, reference: str) -> Name | None:
        """What was written down about this reference."""
        return _read(self._path(reference))

    def put(self, name: Name) -> None:
        """Write it down, on disk when this returns. Callers take turns per reference."""
        write_whole(self._path(name.reference), json.dumps(asdict(name)).encode())

    def touch(self, reference: str) -> None:
        """It was asked for just now."""
        os.utime(self._path(reference))

    def entries(self) -> Iterator[tuple[Path, Name]]:
        """Every name with its file."""
        for path in sorted(self._folder.glob("*.json")):
            name = _read(path)
            if name is not None:
                yield path, name

    def _path(self, reference: str) -> Path:
        return self._folder / (hashlib.sha256(reference.encode()).hexdigest() + ".json")


def look_at_path(source: Source) -> str:
    """How the file behind an archive or a layout looks now: another look may be another image.

    NotFound when there is no such file. The time of the last change of the inode is part of it, because a program
    may set the other time back.
    """
    for path in candidate_paths(source):
        watched = os.path.join(path, "index.json") if source.kind is Kind.LAYOUT else path
        try:
            status = os.stat(watched)
        except (FileNotFoundError, NotADirectoryError):
            continue
        if source.kind is Kind.ARCHIVE and os.path.isdir(watched):
            raise Invalid(
                f"image {source.reference}: {path} is a folder, not an archive",
                hint=f"oci:{path} if it is an image in the OCI layout",
                field="config.image",
            )
        return f"{status.st_dev}:{status.st_ino}:{status.st_size}:{status.st_mtime_ns}:{status.st_ctime_ns}"
    path = source.rest
    if source.kind is Kind.LAYOUT and any(map(os.path.exists, candidate_paths(source))):
        raise Invalid(f"image {source.reference}: {path} is not in the OCI layout", field="config.image")
    raise NotFound(f"image {source.reference} does not exist: there is no file {path} on this host")


def _read(path: Path) -> Name | None:
    try:
        document = json.loads(path.read_bytes())
    except FileNotFoundError:
        return None
    return Name(str(document["reference"]), str(document["digest"]), str(document["look"]))
