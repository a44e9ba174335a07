"""The files that a launch writes beside fly.toml: a Dockerfile where there is none, and a .dockerignore."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from caddis.cli.call import Call
from caddis.cli.launch.scanners.source import Source
from caddis.cli.saving import saved
from caddis.domain.errors import Invalid

_OLD = "Dockerfile.old"


def choose_files(call: Call, source: Source | None, folder: Path) -> Mapping[str, str]:
    """What is to be written. A .dockerignore that is there stays; a Dockerfile was asked about before."""
    files = dict(source.files) if source is not None else {}
    if call.switch("dockerignore-from-gitignore"):
        ignored = from_gitignore(folder)
        if ignored:
            files[".dockerignore"] = ignored
    if os.path.lexists(folder / ".dockerignore"):
        files.pop(".dockerignore", None)
    for name in files:
        if (folder / name).is_dir():
            raise Invalid(f"{folder / name} is a folder: a file of that name cannot be written")
    if files and not os.access(folder, os.W_OK):
        raise Invalid(f"{folder} cannot be written to, and the app needs a Dockerfile there")
    return files


def write_files(call: Call, files: Mapping[str, str], folder: Path) -> None:
    """Each whole or not at all. A Dockerfile that has to make room stays as Dockerfile.old."""
    for name, text in files.items():
        target = folder / name
        if target.exists():
            os.replace(target, folder / _OLD)
            call.say(f"Kept the former {name} as {_OLD}")
        with saved(target, force=False) as file:
            file.write(text.encode())
        call.say(f"Wrote {name}")


def from_gitignore(folder: Path) -> str:
    """What all .gitignore files below the folder leave out, as a .dockerignore; "" when there is none."""
    written = []
    for here, below, names in os.walk(folder):
        below[:] = sorted(name for name in below if name not in (".git", "node_modules", ".venv"))
        if ".gitignore" not in names:
            continue
        path = Path(here) / ".gitignore"
        try:
            lines = path.read_text(errors="replace").splitlines()
        except OSError as unreadable:
            raise Invalid(f"cannot read {path}: {unreadable.strerror}") from unreadable
        prefix = "" if Path(here) == folder else f"{Path(here).relative_to(folder)}/"
        written += ["", f"# from {prefix}.gitignore", *(translated(line, prefix) for line in lines)]
    return (
        "\n".join(["# Written by `fly launch` from .gitignore.", "fly.toml", ".git", *written]) + "\n"
        if written
        else ""
    )


def translated(line: str, prefix: str) -> str:
    """One line of a .gitignore in the folder `prefix` ("" or "a/b/"), as .dockerignore spells it."""
    pattern = line.strip()
    if not pattern or pattern.startswith("#"):
        return pattern
    back = "!" if pattern.startswith("!") else ""
    pattern = pattern.removeprefix("!").rstrip("/")
    # git: a pattern without a slash in its middle matches at any depth; docker: only at the top.
    anchored = "/" in pattern
    pattern = pattern.removeprefix("/")
    return f"{back}{prefix}{pattern}" if anchored else f"{back}{prefix}**/{pattern}"
