"""A folder with a Dockerfile: its EXPOSE and VOLUME lines say the port and the place of the data (2.3, 2.4)."""

from __future__ import annotations

import json
import re
from pathlib import Path

from caddis.cli.deploy.context import find_dockerfile
from caddis.cli.launch.scanners.source import DEFAULT_PORT, Source

_EXPOSE = re.compile(r"^\s*EXPOSE\s+(?P<port>\d+)", re.IGNORECASE | re.MULTILINE)
_VOLUME = re.compile(r"^\s*VOLUME\s+(?P<rest>.+?)\s*$", re.IGNORECASE | re.MULTILINE)


def scan(folder: Path) -> Source | None:
    """None without a Dockerfile."""
    found = find_dockerfile(folder)
    return read_dockerfile(found) if found else None


def read_dockerfile(path: Path) -> Source:
    """What the file says of ports and volumes."""
    text = path.read_text(errors="replace")
    exposed = _EXPOSE.search(text)
    volumes = _VOLUME.findall(text)
    return Source(
        family="Dockerfile",
        dockerfile=path,
        port=int(exposed["port"]) if exposed else DEFAULT_PORT,
        volume=one_path(volumes[0]) if len(volumes) == 1 else "",
    )


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
