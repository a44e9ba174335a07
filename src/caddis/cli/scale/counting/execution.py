"""Carrying a scale plan out, five machines at a time (facts: cli-deploy-launch 4.1).

New machines come before old ones go, so that there are never fewer than was asked for. What was done stays done when
one step fails: the plan is made from what there is, so the same command goes on from there.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from caddis.cli.call import Call
from caddis.cli.deploy.leases import Leases
from caddis.cli.deploy.parallel import in_parallel
from caddis.cli.machine.waiting import await_started, await_volume
from caddis.cli.scale.counting.plan import Change, Create, MachineNow, Mount, Plan
from caddis.cli.scale.counting.templates import Template
from caddis.client.machines import create_machine, destroy_machine
from caddis.client.volumes import create_volume

Wire = Mapping[str, Any]
AT_ONCE = 5
START_SECONDS = 120.0


@dataclass(kw_only=True)
class Execution:
    """`templates` and `snapshots` (what new volumes are filled from, "" for nothing) are by group."""

    call: Call
    app: str
    leases: Leases
    templates: Mapping[str, Template]
    snapshots: Mapping[str, str]
    created: list[str] = field(default_factory=list)
    destroyed: list[MachineNow] = field(default_factory=list)
    waiting_volumes: list[str] = field(default_factory=list)  # made, and without a machine yet
    under_way: int = 0  # steps that have begun, and not ended
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def run(self, plan: Plan) -> None:
        """Everything that comes, then everything that goes."""
        self.say("Executing scale plan")
        creates = [_Creation(self, change, create) for change in plan.changes for create in change.creates]
        in_parallel(creates, at_once=AT_ONCE)
        destroys = [_Destruction(self, change, machine) for change in plan.changes for machine in change.destroys]
        in_parallel(destroys, at_once=AT_ONCE)

    def say(self, words: str) -> None:
        """One whole line, also from threads."""
        with self._lock:
            self.call.say(words)

    def create(self, change: Change, create: Create) -> None:
        """A machine, and before it the volume that it is to have."""
        template = self.templates[change.group]
        volume = create.volume or (self._make_volume(change, create.new_volume) if create.new_volume else None)
        body = {"config": template.config(volume), "region": change.region}
        machine = str(self.call.send(create_machine(self.app, body))["id"])
        with self._lock:
            self.created.append(machine)
            if volume in self.waiting_volumes:
                self.waiting_volumes.remove(volume)
        await_started(self.call.client, self.app, machine, seconds=START_SECONDS)
        with_volume = f" volume:{volume}" if volume else ""
        self.say(f"  Created {machine} group:{change.group} region:{change.region} size:{change.size}{with_volume}")

    def _make_volume(self, change: Change, mount: Mount) -> str:
        snapshot = self.snapshots.get(change.group, "")
        source = f" from-snapshot:{snapshot}" if snapshot else ""
        self.say(f"  Creating volume {mount.name} region:{change.region} size:{mount.size_gb}GiB{source}")
        wish = {
            "name": mount.name,
            "region": change.region,
            "size_gb": mount.size_gb,
            "encrypted": mount.encrypted,
            # a zone of its own if there is one; the server puts it there first, and one zone is better than no machine
            "require_unique_zone": False,
            "snapshot_id": snapshot or None,
            "compute": self.templates[change.group].document.get("guest"),
        }
        volume = str(self.call.send(create_volume(self.app, wish))["id"])
        with self._lock:
            self.waiting_volumes.append(volume)
        if snapshot:
            await_volume(self.call.client, self.app, volume)
        return volume

    def destroy(self, change: Change, machine: MachineNow) -> None:
        """Kill it; its volume stays."""
        self.call.send(destroy_machine(self.app, machine.id, kill=True, nonce=self.leases.nonce(machine.id)))
        self.leases.forget(machine.id)
        with self._lock:
            self.destroyed.append(machine)
        self.say(f"  Destroyed {machine.id} group:{change.group} region:{change.region} size:{change.size}")

    def tell_how_far(self, again: str) -> None:
        """After a failure or Ctrl-C: what there is now, and the command that goes on."""
        parts = []
        if self.created:
            parts.append(f"created {', '.join(self.created)}")
        if self.destroyed:
            parts.append(f"destroyed {', '.join(machine.id for machine in self.destroyed)}")
        if self.waiting_volumes:
            parts.append(f"made {', '.join(self.waiting_volumes)}, which waits for a machine")
        done = "; ".join(parts) or "nothing was finished"
        more = f" (steps under way that may yet end: {self.under_way})" if self.under_way else ""
        self.call.note(f"Until then: {done}{more}. To go on from there: {again}", "yellow")

    @contextmanager
    def counted(self) -> Iterator[None]:
        """A step, for as long as the block runs."""
        with self._lock:
            self.under_way += 1
        try:
            yield
        finally:
            with self._lock:
                self.under_way -= 1


@dataclass(frozen=True)
class _Creation:
    execution: Execution
    change: Change
    create: Create

    def __call__(self) -> None:
        with self.execution.counted():
            self.execution.create(self.change, self.create)


@dataclass(frozen=True)
class _Destruction:
    execution: Execution
    change: Change
    machine: MachineNow

    def __call__(self) -> None:
        with self.execution.counted():
            self.execution.destroy(self.change, self.machine)
