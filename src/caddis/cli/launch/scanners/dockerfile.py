"""A folder with a Dockerfile: its EXPOSE and VOLUME lines say the port and the place of the data (2.3, 2.4)."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

from caddis.cli.launch.scanners.folder import Folder
from caddis.cli.launch.scanners.source import DEFAULT_PORT, Source

NAMES = ("Dockerfile", "Containerfile")
_EXPOSE = re.compile(r"^\s*EXPOSE\s+(?P<port>\d+)", re.IGNORECASE | re.MULTILINE)
_VOLUME = re.compile(r"^\s*VOLUME\s+(?P<rest>.+?)\s*$", re.IGNORECASE | re.MULTILINE)


def scan(folder: Folder) -> Source | None:
    """None without a Dockerfile."""
    return read_dockerfile(folder.text(folder.first(*NAMES))) if folder.has(*NAMES) else None


def read_dockerfile(text: str, *, path: Path | None = None, port: int = DEFAULT_PORT) -> Source:
    """What it says of ports and volumes; `port` is for one that exposes none."""
    exposed = _EXPOSE.search(text)
    volumes = _VOLUME.findall(text)
    return Source(
        family="Dockerfile",
        dockerfile=path,
        port=int(exposed["port"]) if exposed else port,
        volume=one_path(volumes[0]) if len(volumes) == 1 else "",
    )


def with_its_own(source: Source, folder: Folder) -> Source:
    """What a framework's scanner found, where the folder has a Dockerfile of its own: that one decides, and is kept."""
    own = read_dockerfile(folder.text(folder.first(*NAMES)), port=source.port)
    return replace(source, port=own.port, volume=own.volume or source.volume, files={}, notes=(), buildable=True)


def one_path(written: str) -> str:
    """The path of `VOLUME /x` or `VOLUME ["/x"]`; "" when it names several."""
    if written.startswith("["):
        try:
            paths = json.loads(written)
        except ValueError:
            return ""
    else:
        paths = written.split()
    return str(paths[0]) if len(paths) == 1 and str(paths[0]).startswith("/") else ""
