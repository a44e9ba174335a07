"""Roots without overlays: an empty folder stands for each, so that files can be written into it for real."""

from __future__ import annotations

import shutil
from pathlib import Path

from caddis.domain.errors import Invalid, Problem


class FakeRoots:
    """The `Roots` protocol of agent/world.py."""

    def __init__(self, folder: str | Path) -> None:
        self._folder = Path(folder)
        self.mounted: dict[str, tuple[str, str]] = {}  # name: (rootfs, scratch)
        self.next_mount_fails: Problem | None = None

    def leftovers(self) -> list[str]:
        """What is still mounted."""
        return [f"root {name}" for name in sorted(self.mounted)]

    def mount(self, name: str, rootfs: str, scratch: str, *, devices: bool = False) -> str:
        """An empty folder, made anew unless the very same root is mounted already."""
        problem, self.next_mount_fails = self.next_mount_fails, None
        if problem is not None:
            raise problem
        if self.mounted.get(name) != (rootfs, scratch):
            self.unmount(name)
            (self._folder / name).mkdir(parents=True)
            self.mounted[name] = (rootfs, scratch)
        return str(self._folder / name)

    def write_file(self, name: str, guest_path: str, content: bytes, mode: int) -> None:
        """Into the folder; there are no links in it."""
        assert name in self.mounted, f"no root {name} is mounted"
        if not guest_path.startswith("/") or guest_path.endswith("/"):
            raise Invalid(f"{guest_path!r} is not the absolute path of a file", field="config.files")
        path = self._folder / name / guest_path.lstrip("/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        path.chmod(mode)

    def unmount(self, name: str) -> None:
        """The folder and all in it are gone."""
        shutil.rmtree(self._folder / name, ignore_errors=True)
        self.mounted.pop(name, None)
