"""Run inside the guest after a power cut: opens what is left on each disk as an agent does, and tells what is there.

    python3 checker.py nested|disk BLOCK_SIZE DEVICE[=KIND]…

One line of JSON for each device. With a KIND of encryption, a volume is made of the snapshot of that kind of volume, to
look inside. It judges nothing but file systems: what must be there, the test outside knows.
"""

from __future__ import annotations

import ctypes
import json
import os
import subprocess
import sys
import traceback
from dataclasses import replace
from pathlib import Path
from typing import Any

from cases import new_volume

from caddis.domain.snapshot import SnapshotStatus
from caddis.domain.volume import Volume
from caddis.kernel import mount
from caddis.volumes.encryption import encryption_of
from caddis.volumes.place import Place, volume_slice
from vm.inside.stage import (
    DATA,
    KINDS,
    SNAPSHOTS,
    VOLUMES,
    Setting,
    Stage,
    complain,
    count_records,
    open_stage,
    recover,
)

COPY = "vol_copy56789abcdef0"
_CLONE_NEWNS, _MS_REC, _MS_PRIVATE = 0x20000, 16384, 1 << 18


def main(pool: str, block_size: str, *devices: str) -> None:
    setting = Setting(pool, int(block_size))
    for device, _, inside in (word.partition("=") for word in devices):
        child = os.fork()
        if child == 0:
            leave_mounts_behind()
            try:
                found = look(device, setting, inside)
            except BaseException:  # noqa: BLE001  the top of a process: told, and judged outside
                found = {"device": device, "problem": traceback.format_exc()}
            print(json.dumps(found), flush=True)
            os._exit(0)
        os.waitpid(child, 0)
        for mapping in Path("/dev/mapper").glob("caddis-*"):  # of a disk on which something failed
            subprocess.run(("cryptsetup", "close", mapping.name), check=False)


def leave_mounts_behind() -> None:
    """Whatever happens on one disk, its mounts end with this process, and the next disk is not in their way."""
    libc = ctypes.CDLL(None, use_errno=True)
    assert libc.unshare(_CLONE_NEWNS) == 0, os.strerror(ctypes.get_errno())
    assert libc.mount(None, b"/", None, _MS_REC | _MS_PRIVATE, None) == 0, os.strerror(ctypes.get_errno())


def look(device: str, setting: Setting, inside: str) -> dict[str, Any]:
    """Everything that is on the disk."""
    stage = open_stage(device, setting)
    recover(stage)
    book = stage.world.book
    volumes = {volume.id: volume for volume in book.list_volumes()}
    found: dict[str, Any] = {"device": device, "dirty": [], "volumes": {}, "snapshots": {}}
    for kind in KINDS:
        if (volume := volumes.get(VOLUMES[kind])) is not None:
            found["volumes"][kind] = look_at_volume(stage, volume, found["dirty"])
    for kind in KINDS:
        snapshot = book.find_snapshot(SNAPSHOTS[kind])
        if snapshot is None or snapshot.status is not SnapshotStatus.CREATED:
            continue
        copy = replace(new_volume(stage), id=COPY, encryption=kind, size_gb=snapshot.origin.size_gb)  # type: ignore[arg-type]
        copy = replace(copy, wrapped_key=stage.world.volumes.rewrap_key(snapshot.origin, COPY))
        found["snapshots"][kind] = {}
        if kind == inside:
            stage.world.volumes.copy(copy, snapshot.origin, snapshot.id)
            found["snapshots"][kind] = look_at_volume(stage, copy, found["dirty"])
            stage.world.volumes.erase(COPY)
    found["left over"] = list_leftovers(stage)
    close(stage, device, setting, found["dirty"])
    return found


def look_at_volume(stage: Stage, volume: Volume, dirty: list[str]) -> dict[str, Any]:
    """Mount it as for a machine, read it, close it, and have its file system checked."""
    folder = Path(stage.world.volumes.mount(volume))
    about = os.statvfs(folder)
    kept, loose = count_records(folder / "kept"), count_records(folder / "loose")
    place: Place = stage.opened.store._place
    with place.pool.opened(volume_slice(volume.id)) as device:
        assert mount.unmount(place.mount_point(volume.id), patience=5)  # a mapping stays: opening takes a second
        dirty += complain("e2fsck", "-f", "-n", encryption_of(place, volume).open_device(device))
    stage.world.volumes.unmount(volume.id)
    return {
        "state": volume.state,
        "size_gb": volume.size_gb,
        "bytes": about.f_blocks * about.f_frsize,
        "kept": kept,
        "loose": loose,
    }


def list_leftovers(stage: Stage) -> list[str]:
    """Files in the pool that no row of the book accounts for."""
    book, root = stage.world.book, Path(stage.opened.run) / "pool"
    known = {volume.id for volume in book.list_volumes()} | {snapshot.id for snapshot in book.list_snapshots()}
    return [str(path) for path in root.glob("*/*") if path.name.split(".")[0] not in known]


def close(stage: Stage, device: str, setting: Setting, dirty: list[str]) -> None:
    """Take the host down and have the file systems below checked."""
    stage.opened.detach()
    pool = f"{device}2" if setting.pool == "disk" else str(DATA / "hosts/h1/pool.img")
    dirty += complain("xfs_repair", "-n", *(["-f"] if setting.pool == "nested" else []), pool)
    mount.unmount(DATA, patience=5)
    dirty += complain("e2fsck", "-f", "-n", f"{device}1")


if __name__ == "__main__":
    main(*sys.argv[1:])
