"""What a loss of power leaves of an installation: its files, and nothing in the kernel or below /run."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

from caddis.kernel import cgroup
from caddis.kernel.process import read_arguments
from real_machines import wait_until
from real_up import Running

RUN = Path("/run/caddis")


def lose_power(up: Running) -> None:
    """Kill every process of the installation at once, and forget what was mounted, attached, connected or in /run."""
    name = (up.data / "instance").read_text().strip()
    run = RUN / name
    wait_until(lambda: not _kill_all(name, str(up.data), str(run)), "every process is gone")
    points = [line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()]
    for point in reversed([point for point in points if point.startswith((str(run), str(up.data)))]):
        subprocess.run(["umount", "--lazy", point], check=True)
    wait_until(lambda: not _detach(str(up.data)), "no loop device has its files")
    for namespace in _named(["ip", "-j", "netns", "list"], "name", f"caddis-{name}-"):
        subprocess.run(["ip", "netns", "delete", namespace], check=True)
    wait_until(lambda: not _list_groups(up.data, name), "no control group is left")
    shutil.rmtree(run)


def _kill_all(name: str, *folders: str) -> bool:
    found = False
    for pid in (int(entry) for entry in os.listdir("/proc") if entry.isdigit()):
        words = " ".join(read_arguments(pid))
        if pid != os.getpid() and (any(folder in words for folder in folders) or f"/caddis-{name}-" in _groups(pid)):
            found = True
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
    return found


def _groups(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cgroup").read_text()
    except OSError:
        return ""


def _list_groups(data: Path, name: str) -> list[str]:
    """Those that are left after trying to remove them."""
    left = []
    for host in (data / "hosts").iterdir():
        for hierarchy in cgroup.hierarchies():
            for folder, _below, _files in os.walk(f"{hierarchy.folder}/caddis-{name}-{host.name}", topdown=False):
                try:
                    os.rmdir(folder)
                except OSError:
                    left.append(folder)
    return left


def _detach(data: str) -> bool:
    said = subprocess.run(["losetup", "--list", "--json"], capture_output=True, text=True, check=True).stdout
    devices = json.loads(said)["loopdevices"] if said else []
    left = [one["name"] for one in devices if one["back-file"].startswith(data)]
    for device in left:
        subprocess.run(["losetup", "--detach", device], capture_output=True)
    return bool(left)


def _named(command: list[str], key: str, prefix: str) -> Iterator[str]:
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return (one[key] for one in (json.loads(said) if said.strip() else []) if one.get(key, "").startswith(prefix))
