"""A machine's root file system: an overlay of its image, read-only, and a scratch file system made for this start."""

from __future__ import annotations

import shutil
from pathlib import Path

from caddis.domain.errors import Conflict
from caddis.kernel import mount
from caddis.machines.files import write_guest_file

_PATIENCE = 2.0  # seconds for the last process's mount namespace to be taken down by the kernel


class Roots:
    """Overlays at run_dir/roots/<name>; `run_dir` is the host's folder under /run."""

    def __init__(self, run_dir: str | Path) -> None:
        self._folder = Path(run_dir) / "roots"

    def mount(self, name: str, rootfs: str, scratch: str, *, devices: bool = False) -> str:
        """Ensure the overlay is mounted; its folder. What an earlier start wrote is gone (promise P4).

        `devices`: nodes in it can be opened, for a raw volume's; which ones, the control group says.
        A root that is mounted already is this start's own: the recipe unmounts it at the end of each.
        """
        target = self._folder / name
        if mount.is_mount_point(target):
            return str(target)
        upper, work = Path(scratch) / "upper", Path(scratch) / "work"
        for folder in (upper, work):
            if folder.exists():  # made by an agent that died before it mounted; overlayfs refuses a used volatile one
                shutil.rmtree(folder)
            folder.mkdir()
        upper.chmod(0o755)
        target.mkdir(parents=True, exist_ok=True)
        # volatile: the root never outlives its start, so syncing it would only cost time
        options = f"lowerdir={_escape(rootfs, ':')},upperdir={_escape(upper)},workdir={_escape(work)},volatile"
        mount.mount("overlay", target, "overlay", flags=0 if devices else mount.NODEV, options=options)
        return str(target)

    def write_file(self, name: str, guest_path: str, content: bytes, mode: int) -> None:
        """Write a file inside the mounted root, never following a link out of it."""
        write_guest_file(str(self._folder / name), guest_path, content, mode)

    def unmount(self, name: str) -> None:
        """Ensure it is unmounted and its mount point gone; Conflict while something still uses it."""
        target = self._folder / name
        if not mount.unmount(target, patience=_PATIENCE):
            raise Conflict(f"the root file system of machine {name} is still in use")
        try:
            target.rmdir()
        except FileNotFoundError:
            pass


def _escape(path: str | Path, also: str = "") -> str:
    """overlayfs splits its options at commas (and lower folders at colons) unless a backslash stands before."""
    text = str(path)
    for character in "\\," + also:
        text = text.replace(character, "\\" + character)
    return text
