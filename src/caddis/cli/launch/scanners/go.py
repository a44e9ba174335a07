"""Go: one program, built without C and run on a small Debian (facts: cli-deploy-launch 2.4)."""

from __future__ import annotations

import re

from caddis.cli.launch.scanners.folder import Folder
from caddis.cli.launch.scanners.source import DEFAULT_PORT, Source
from caddis.cli.launch.scanners.writing import BASES, head, ignore
from caddis.domain.errors import Invalid

_NEEDS_C = ("github.com/mattn/go-sqlite3", "github.com/confluentinc/confluent-kafka-go", "github.com/h2non/bimg")
_READ_AT_RUN_TIME = ("templates", "static", "public", "assets", "views", "web", "migrations")


def scan(folder: Folder) -> Source | None:
    """A go.mod. Invalid when it names no module."""
    if not folder.has("go.mod"):
        return None
    text = folder.text("go.mod")
    module = re.search(r"^module\s+\"?([^\s\"]+)", text, re.MULTILINE)
    if module is None:
        raise Invalid("go.mod has no line that says `module NAME`", hint="go mod init NAME")
    packages = _find_mains(folder)
    package = next((one for one in packages if one.endswith("/" + module[1].rpartition("/")[2])), "")
    package = package or (packages[0] if packages else ".")
    needs_c = any(name in text for name in _NEEDS_C)
    files = {
        "Dockerfile": "\n".join(_written(folder, package, needs_c=needs_c)) + "\n",
        ".dockerignore": ignore("*.test", "bin"),
    }
    notes = []
    if len(packages) > 1:
        notes.append(f"There are several programs ({', '.join(packages)}); the Dockerfile builds {package}.")
    notes.append(
        f"The app has to listen on port {DEFAULT_PORT}, which PORT in its environment names, on every address."
    )
    return Source(family="Go", files=files, notes=tuple(notes))


def _find_mains(folder: Folder) -> list[str]:
    """Folders of `package main`, the root first."""
    names = [*folder.matching("*.go"), *folder.matching("cmd/*/*.go"), *folder.matching("cmd/*.go")]
    names += folder.matching("*/main.go")
    found = [name for name in names if re.search(r"^package main\b", folder.text(name), re.MULTILINE)]
    found = [name for name in found if not name.endswith("_test.go")]
    return list(dict.fromkeys("./" + name.rpartition("/")[0] if "/" in name else "." for name in found))


def _written(folder: Folder, package: str, *, needs_c: bool) -> list[str]:
    lines = [head("Go", "go:1.23", "docker.io/library/golang:1.24"), "FROM $BASE AS build", "WORKDIR /src"]
    if needs_c:
        lines += [
            "RUN apt-get update && apt-get install -y --no-install-recommends gcc libc6-dev",
            "ENV CGO_ENABLED=1",
        ]
    lines.append(f"COPY go.mod {'go.sum ' if folder.has('go.sum') else ''}./")
    if not folder.has("vendor/modules.txt"):
        lines.append("RUN go mod download")
    lines += [
        "COPY . .",
        f"RUN go build -trimpath -o /out/app {package}",
        "",
        f"FROM {BASES}debian:12",
        "WORKDIR /app",
        "COPY --from=build /out/app /usr/local/bin/app",
    ]
    lines += [f"COPY {name} ./{name}" for name in _READ_AT_RUN_TIME if _holds_data(folder, name)]
    return [*lines, f"ENV PORT={DEFAULT_PORT}", f"EXPOSE {DEFAULT_PORT}", 'CMD ["app"]']


def _holds_data(folder: Folder, name: str) -> bool:
    return any(each.startswith(f"{name}/") and not each.endswith(".go") for each in folder.names)
