"""What lies in a folder, as the scanners see it: names, and the texts of those that they ask for."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

from caddis.domain.errors import Invalid

DEPTH, MOST_NAMES, MOST_BYTES = 3, 20_000, 2 << 20
_NOT_OURS = {"node_modules", "venv", ".venv", "env", "vendor", "__pycache__", ".git", "dist", "build", "target"}


@dataclass(frozen=True, slots=True)
class Folder:
    """Files by their path below the folder, three levels deep and without what package managers put there."""

    names: frozenset[str]
    _read: Callable[[str], str]

    @classmethod
    def of(cls, texts: Mapping[str, str]) -> Folder:
        """One that exists in memory only."""
        return cls(frozenset(texts), lambda name: texts[name])

    def has(self, *names: str) -> bool:
        """Whether one of these files is there."""
        return any(name in self.names for name in names)

    def text(self, name: str) -> str:
        """A file's text, "" when there is none. Invalid when it cannot be read."""
        return self._read(name) if name in self.names else ""

    def first(self, *names: str) -> str:
        """The first of these that is there, or ""."""
        return next((name for name in names if name in self.names), "")

    def matching(self, pattern: str) -> list[str]:
        """The names that match, shortest paths first; `*` does not cross folders."""
        parts = pattern.count("/")
        return sorted(name for name in self.names if name.count("/") == parts and fnmatch(name, pattern))

    def has_folder(self, name: str) -> bool:
        """Whether there is a folder of this name with a file in it."""
        return any(each.startswith(f"{name}/") for each in self.names)


def open_folder(path: Path) -> Folder:
    """A folder of this computer. Invalid, with the path, when it or a file in it cannot be read."""
    names: set[str] = set()

    def refuse(problem: OSError) -> None:
        # What lies deeper may well be closed to us, such as a database's files; the folder itself may not.
        if problem.filename in (str(path), path):
            raise Invalid(f"cannot read the folder {path}: {problem.strerror}") from problem

    for folder, below, files in os.walk(path, onerror=refuse):
        here = os.path.relpath(folder, path)
        prefix = "" if here == "." else f"{here}/"
        names.update(prefix + name for name in files)
        if prefix.count("/") >= DEPTH - 1 or len(names) > MOST_NAMES:
            below.clear()
        below[:] = sorted(name for name in below if name not in _NOT_OURS)
    return Folder(frozenset(names), lambda name: _text(path / name))


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return file.read(MOST_BYTES).decode("utf-8", errors="replace").removeprefix("\ufeff")
    except OSError as unreadable:
        raise Invalid(f"cannot read {path}: {unreadable.strerror}") from unreadable
