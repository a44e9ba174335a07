"""A build's context: the files of a folder, as a tar archive, without what .dockerignore leaves out."""

from __future__ import annotations

import io
import json
import os
import tarfile
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from caddis.cli.deploy.ignore import Ignore, parse_ignore
from caddis.domain.errors import Invalid, NotFound
from caddis.domain.image import BUILD_SECRETS

_IN_MEMORY = 16 << 20  # bytes; larger contexts go to a file
_FOREIGN_DOCKERFILE = ".caddis.Dockerfile"  # the name of a Dockerfile that lies outside of the context


@dataclass(frozen=True, slots=True)
class Context:
    """`dockerfile` is the name inside the archive."""

    archive: IO[bytes]
    dockerfile: str
    size: int


def find_dockerfile(folder: Path) -> Path | None:
    """What a folder without configuration is built from."""
    return next((folder / name for name in ("Dockerfile", "Containerfile") if (folder / name).is_file()), None)


def pack(
    folder: Path, dockerfile: Path, *, ignorefile: Path | None, secrets: Mapping[str, str] | None = None
) -> Context:
    """The archive, ready to be read. Invalid when a file cannot be read.

    `secrets` go along as a first member that the host takes out before the build sees the context; they are in no URL,
    header or log. A context with secrets stays in memory as long as it fits there, then in a file without a name.
    """
    ignore = _load_ignore(folder, dockerfile, ignorefile)
    archive = tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY)  # noqa: SIM115  # handed on, closed by the caller
    resolved = dockerfile.resolve()
    inside = resolved.is_relative_to(folder.resolve())
    name = str(resolved.relative_to(folder.resolve())) if inside else _FOREIGN_DOCKERFILE
    try:
        with tarfile.open(fileobj=archive, mode="w", format=tarfile.PAX_FORMAT) as tar:
            if secrets:
                _add_secrets(tar, secrets)
            tar.add(resolved, arcname=name)  # also where .dockerignore names it: the build needs it
            for path in _walk(folder, "", ignore):
                if path not in (name, BUILD_SECRETS):
                    tar.add(folder / path, arcname=path, recursive=False)
    except OSError as unreadable:
        raise Invalid(f"cannot read the build's context: {unreadable}") from unreadable
    size = archive.tell()
    archive.seek(0)
    return Context(archive, name, size)


def _add_secrets(tar: tarfile.TarFile, secrets: Mapping[str, str]) -> None:
    content = json.dumps(dict(secrets)).encode()
    member = tarfile.TarInfo(BUILD_SECRETS)
    member.size, member.mode = len(content), 0o600
    tar.addfile(member, io.BytesIO(content))


def _load_ignore(folder: Path, dockerfile: Path, named: Path | None) -> Ignore:
    if named is not None and not named.is_file():
        raise NotFound(f"there is no ignore file {named}")
    candidates = [named] if named else [Path(f"{dockerfile}.dockerignore"), folder / ".dockerignore"]
    found = next((path for path in candidates if path.is_file()), None)
    return parse_ignore(found.read_text(errors="replace")) if found else Ignore()


def _walk(folder: Path, below: str, ignore: Ignore) -> Iterator[str]:
    """Relative paths of what goes along, folders before their contents; sockets and pipes stay behind."""
    for entry in sorted(os.scandir(folder / below), key=lambda entry: entry.name):
        path = f"{below}/{entry.name}" if below else entry.name
        out = ignore.leaves_out(path)
        if entry.is_dir(follow_symlinks=False):
            if not out:
                yield path
            if not out or ignore.brings_back:
                yield from _walk(folder, path, ignore)
        elif not out and (entry.is_file(follow_symlinks=False) or entry.is_symlink()):
            yield path
