"""Real machines for the host rung: runtimes, roots and network namespaces of their own, and proof that nothing is left.

with temporary_machines() as machines:
    machines.launch("sh", "-c", "echo hello; exit 3")
    machines.await_end()
"""

from __future__ import annotations

import io
import os
import secrets
import shutil
import subprocess
import tarfile
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from caddis.kernel import cgroup, mount, process
from caddis.machines.logs import START, read_log
from caddis.machines.plan import ExecResult, ExitReport, LaunchPlan
from caddis.machines.root import Roots
from caddis.machines.runtimes.runc import RuncRuntime
from tiny_image import _PLAIN_FILES, make_layer

DEADLINE = 60.0  # seconds; only ever reached by a test that fails
_T = TypeVar("_T")


def wait_until(look: Callable[[], _T], what: str, *, deadline: float = DEADLINE) -> _T:
    """The first true thing that `look` returns."""
    until = time.monotonic() + deadline
    while not (found := look()):
        assert time.monotonic() < until, f"waited {deadline:g} s in vain until {what}"
        time.sleep(0.01)
    return found


class RealMachines:
    """One host's runtime and roots, with a tiny image. Paths are short, because sockets' paths must be."""

    def __init__(self, base: Path, **settings: int) -> None:
        self.base, self.run = base, base / "h"
        self.token = base.name
        self.group, self.netns = f"caddis-{self.token}", f"caddis-{self.token}"
        self.settings = settings
        self.image = base / "image"
        self.image.mkdir()
        with tarfile.open(fileobj=io.BytesIO(make_layer(_PLAIN_FILES))) as layer:
            layer.extractall(self.image)
        self.roots = Roots(self.run)
        self.runtime = self.another_runtime()
        subprocess.run(["ip", "netns", "add", self.netns], check=True)

    def another_runtime(self) -> RuncRuntime:
        """As an agent that has just been started sees the host."""
        return RuncRuntime(self.run, self.base / "logs", self.group, **self.settings)

    def root(self, name: str = "m1", megabytes: int = 16) -> str:
        """A fresh root on a scratch file system of that size, unless it is mounted already."""
        scratch = self.base / f"scratch-{name}"
        if not scratch.exists():
            scratch.mkdir()
            mount.mount("tmpfs", scratch, "tmpfs", options=f"size={megabytes}m")
        return self.roots.mount(name, str(self.image), str(scratch))

    def plan(self, *argv: str, name: str = "m1", launch: int = 1, **changes: Any) -> LaunchPlan:
        known: dict[str, Any] = {
            "root": changes.pop("root", None) or self.root(name),
            "env": {"PATH": "/bin", "COLOUR": "green"},
            "hostname": name,
            "netns": f"/run/netns/{self.netns}",
            "memory_mb": 64,
        }
        return LaunchPlan(name=name, launch=launch, argv=argv, **{**known, **changes})

    def launch(self, *argv: str, **changes: Any) -> int:
        return self.runtime.launch(self.plan(*argv, **changes))

    def execute(self, *argv: str, name: str = "m1", stdin: bytes = b"", timeout: float = DEADLINE) -> ExecResult:
        return self.runtime.execute(name, argv, stdin=stdin, timeout=timeout, env={})

    def shell(self, script: str) -> ExecResult:
        return self.execute("sh", "-c", script)

    def await_end(self, name: str = "m1") -> ExitReport:
        wait_until(lambda: self.runtime.find_watched_pid(name) is None, f"machine {name} has ended")
        report = self.runtime.read_exit(name)
        assert report is not None
        return report

    def output(self, name: str = "m1") -> list[str]:
        return [line.text for line in read_log(self.runtime.log_path(name), START, 100_000)[0]]

    def await_output(self, text: str, name: str = "m1") -> None:
        wait_until(lambda: text in self.output(name), f"machine {name} says {text!r}")

    def remove(self) -> None:
        for name in self.runtime.list_names():
            self.runtime.delete(name)
        for root in (self.run / "roots").glob("*"):
            self.roots.unmount(root.name)
        for scratch in self.base.glob("scratch-*"):
            assert mount.unmount(scratch, patience=5)
        subprocess.run(["ip", "netns", "delete", self.netns], check=True)

    def leftovers(self) -> list[str]:
        """Everything in the kernel that carries our name."""
        folders = [f"{hierarchy.folder}/{self.group}" for hierarchy in cgroup.hierarchies()]
        found = [f"control group {folder}" for folder in folders if os.path.exists(folder)]
        found += [line for line in Path("/proc/self/mountinfo").read_text().splitlines() if str(self.base) in line]
        for pid in (int(entry) for entry in os.listdir("/proc") if entry.isdigit()):
            if any(str(self.base) in argument for argument in process.read_arguments(pid)):
                found.append(f"process {pid}")
        return found


@contextmanager
def temporary_machines(**settings: int) -> Iterator[RealMachines]:
    """Everything above, and at the end the proof."""
    base = Path(tempfile.mkdtemp(prefix=f"cdt{secrets.token_hex(2)}", dir="/run"))
    machines = RealMachines(base, **settings)
    try:
        yield machines
    finally:
        machines.remove()
        left = machines.leftovers()
        shutil.rmtree(base)
    assert left == []
