"""A site of plain files (facts: cli-deploy-launch 2.4)."""

from __future__ import annotations

from caddis.cli.launch.scanners.folder import Folder
from caddis.cli.launch.scanners.source import DEFAULT_PORT, Source
from caddis.cli.launch.scanners.writing import BASES, HEADER, ignore


def scan(folder: Folder) -> Source | None:
    """An index.html, in the folder itself or in public/."""
    where = "." if folder.has("index.html") else "public" if folder.has("public/index.html") else ""
    if not where:
        return None
    text = HEADER.format(family="a static site") + (
        "# nginx serves it as www-data on port 8080; for settings of your own: COPY nginx.conf /etc/nginx/nginx.conf\n"
        f"FROM {BASES}nginx:1.22\n"
        f"COPY {where} /srv/www\n"
        f"EXPOSE {DEFAULT_PORT}\n"
    )
    return Source(family="Static", files={"Dockerfile": text, ".dockerignore": ignore()})
