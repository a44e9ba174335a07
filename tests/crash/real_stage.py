"""A host of the real kernel for the crash matrix: pool, loop devices, mounts, namespaces, cgroups, runc.

An agent that is to die is a process of its own, and dies by SIGKILL: no `finally` of its gets a chance. It is forked
from a server that has everything imported, which makes a death cost milliseconds.
"""

from __future__ import annotations

import multiprocessing
import os
import secrets
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cases import make_started
from fake_stage import Sent, rows
from matrix import PLANNED, Death, Script, journal_of, run

from caddis.agent.open_world import OpenWorld, open_world
from caddis.agent.options import Options
from caddis.agent.world import World
from caddis.domain.errors import Problem
from caddis.domain.sizes import GIB
from caddis.kernel import cgroup, mount, netns, process
from caddis.network.host import HostNetwork
from caddis.telemetry.seam import watch
from real_store import list_loops, list_mounts
from tiny_image import make_tiny_image

POOL_BYTES = 9 * GIB // 2
_agents = multiprocessing.get_context("forkserver")
_agents.set_forkserver_preload(["real_stage"])


@dataclass(frozen=True)
class Killing:
    """As a Script, but ends its process where it is to die."""

    fail_at: str | None
    die_at: str | None

    def __call__(self, seam: str) -> None:
        if seam == self.fail_at:
            raise Problem(PLANNED)
        if seam == self.die_at:
            os.kill(os.getpid(), signal.SIGKILL)


@dataclass(frozen=True)
class MortalStage:
    """As much of a stage as a dying agent needs."""

    world: World


def _live(
    options: Options, script: Killing, operation: tuple[str, Mapping[str, Any], str, str], sent: Mapping[str, bytes]
) -> None:
    stage: Any = MortalStage(open_world(options).world)
    for id, content in sent.items():
        stage.world.uploads.put(id, Sent(content))
    with watch(script):
        run(stage, *operation)


class Ground:
    """What all cases share: the pool, the image store, the bridge. Each case has a book of its own."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="caddis-crash-"))
        instance = secrets.token_hex(4)
        (self.folder / "instance").write_text(instance)
        self.image = make_tiny_image(self.folder)
        self.options = Options(
            data=self.folder,
            host="h1",
            region="lhr",
            zone="a1f0",
            api="",
            token_file=self.folder / "token",
            pool=None,
            pool_size=POOL_BYTES,
            format_pool=False,
            down=False,
            verbose=False,
        )
        self.group = f"caddis-{instance}-h1"
        self.bridge = HostNetwork(instance, "h1", self.options.folder).bridge
        stage = self.stage()
        make_started(stage)  # what is made once, at the first use, is no leftover of a case
        stage.close()

    def stage(self) -> RealStage:
        return RealStage(self)

    def leave(self) -> None:
        """Take the host down, and ask whether anything of it is left."""
        open_world(self.options).detach()
        left = self.observe() + ([str(self.options.run.parent)] if self.options.run.parent.exists() else [])
        shutil.rmtree(self.folder)
        assert left == []

    def observe(self) -> list[str]:
        """Everything of this host in the kernel and on the disk, without numbers that differ from run to run."""
        run = self.options.run
        mounts = list_mounts(run)
        found = [f"mount {point}" for point in mounts]
        found += [f"loop device of {line.split(' ')[1]}" for line in list_loops(run)]
        found += [f"namespace {name}" for name in netns.list_names() if name.startswith(self.group)]
        found += [f"link {link.name}" for link in Path("/sys/class/net", self.bridge).glob("lower_*")]
        for hierarchy in cgroup.hierarchies():
            for path, _folders, _files in os.walk(f"{hierarchy.folder}/{self.group}"):
                found.append(f"control group {path}")
        found += [f"process {name}" for name in self._processes()]
        # below a mount point are the guest's own things, but for the pool's, which are ours
        for path, folders, files in os.walk(run):
            folders[:] = [
                name for name in folders if f"{path}/{name}" not in mounts or f"{path}/{name}" == f"{run}/pool"
            ]
            found += [f"file {path}/{name}" for name in (*folders, *files)]
            found += [f"{os.stat(f'{path}/{name}').st_size} bytes {path}/{name}" for name in files if ".img" in name]
        found += [f"log {path.name}" for path in (self.options.folder / "logs").iterdir()]
        found += [f"half-done image {path.name}" for path in (self.folder / "images" / "work").iterdir()]
        return sorted(found)

    def _processes(self) -> list[str]:
        pids = {int(entry) for entry in os.listdir("/proc") if entry.isdigit()}
        ours = {pid for pid in pids if any(str(self.options.run) in word for word in process.read_arguments(pid))}
        return [process.read_arguments(pid)[0] for pid in ours | set(cgroup.list_pids(self.group))]


class RealStage:
    """See matrix.Stage."""

    def __init__(self, ground: Ground) -> None:
        self.ground, self.image = ground, ground.image
        self._opened: OpenWorld = open_world(ground.options)
        self.world = self._opened.world
        self._sent: dict[str, bytes] = {}

    def send(self, id: str, content: bytes) -> None:
        self._sent[id] = content
        self.world.uploads.put(id, Sent(content))

    def walk(self, operation: str, inputs: Mapping[str, Any], id: str, subject: str, script: Script) -> None:
        if script.die_at is None:
            with watch(script):
                run(self, operation, inputs, id, subject)
            return
        self._opened.close()
        killing = Killing(script.fail_at, script.die_at)
        operation_ = (operation, inputs, id, subject)
        agent = _agents.Process(target=_live, args=(self.ground.options, killing, operation_, self._sent))
        agent.start()
        agent.join()
        assert agent.exitcode == -signal.SIGKILL, f"the agent did not die at {script.die_at}: {agent.exitcode}"
        raise Death(script.die_at)

    def reopen(self) -> None:
        self._opened = open_world(self.ground.options)
        self.world = self._opened.world

    def move_away(self, volume_id: str, snapshot_id: str) -> str:
        other = self.ground.folder / "elsewhere"
        shutil.rmtree(other, ignore_errors=True)
        for kind, id in (("volumes", volume_id), ("snapshots", snapshot_id)):
            (other / kind).mkdir(parents=True)
            for path in (self.ground.options.run / "pool" / kind).glob(f"{id}.*"):
                subprocess.run(["cp", "--sparse=always", path, other / kind], check=True)
        self.world.volumes.erase_snapshot(snapshot_id)
        self.world.volumes.erase(volume_id)
        return str(other)

    def leftovers(self) -> list[str]:
        alive = {machine.id for machine in self.world.book.list_machines()}  # a machine keeps its log
        mount.wait_until(lambda: not any(" /usr/sbin/runc" in line for line in self.ground.observe()), patience=10)
        found = [line for line in self.ground.observe() if not (line.startswith("log ") and line[4:18] in alive)]
        return found + rows(self.world)

    def close(self) -> None:
        """Give back by force what the case holds, and forget its book."""
        world = self.world
        for machine in world.book.list_machines(destroyed=True):
            world.runtime.delete(machine.id)
            world.runtime.forget_log(machine.id)
            world.network.disconnect(machine.id)
            world.roots.unmount(machine.id)
            world.volumes.unmount_scratch(machine.id)
        for snapshot in world.book.list_snapshots():
            world.kept.forget(snapshot.volume_id, snapshot.id)
            world.volumes.erase_snapshot(snapshot.id)
        for volume in world.book.list_volumes():
            world.volumes.unmount(volume.id)
            world.volumes.erase(volume.id)
        assert journal_of(self).list_open() == []
        self._opened.close()
        for file in self.ground.options.folder.glob("book.sqlite*"):
            file.unlink()
