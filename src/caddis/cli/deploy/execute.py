"""Carrying a plan out: volumes, machines that go, that come, that change (facts: cli-deploy-launch 1.7)."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from caddis.cli.call import Call
from caddis.cli.deploy import schedule
from caddis.cli.deploy.bluegreen import BlueGreen
from caddis.cli.deploy.canary import try_canaries
from caddis.cli.deploy.finishing import Finishing
from caddis.cli.deploy.leases import Leases
from caddis.cli.deploy.ledger import Ledger
from caddis.cli.deploy.moves import (
    NEW_VOLUME,
    Change,
    CreateVolume,
    Current,
    DestroyMachine,
    LaunchMachine,
    Move,
    Plan,
    ReplaceMachine,
    UpdateMachine,
)
from caddis.cli.deploy.options import Options
from caddis.cli.deploy.parallel import in_parallel
from caddis.cli.deploy.progress import Progress
from caddis.cli.deploy.replace import REPLACES, replace_machine
from caddis.cli.deploy.seeing import Seeing
from caddis.cli.deploy.snapshot_before import Snapshots
from caddis.cli.deploy.wanted import Documents
from caddis.cli.machine.show_machine import config_of
from caddis.client.machines import create_machine, destroy_machine, update_machine
from caddis.client.volumes import create_volume
from caddis.domain.errors import Problem

Wire = Mapping[str, Any]


@dataclass(kw_only=True)
class Execution:
    """One deploy's second half. `machines` are those that it found, by id."""

    call: Call
    app: str
    options: Options
    documents: Documents
    machines: Mapping[str, Wire]
    current: Current
    leases: Leases
    ledger: Ledger
    progress: Progress
    snapshots: Snapshots
    seeing: Seeing
    finishing: Finishing = field(default_factory=Finishing)
    made_volumes: dict[str, str] = field(default_factory=dict)  # by group
    successors: dict[str, str] = field(default_factory=dict)  # new machines by the ids of those they replaced
    begun: set[str] = field(default_factory=set)
    failed: threading.Event = field(default_factory=threading.Event)

    def run(self, plan: Plan) -> None:
        """All moves, in their order. What was done stays done when one fails: the next deploy goes on from there."""
        changes = [move for move in plan.moves if isinstance(move, UpdateMachine | ReplaceMachine)]
        if self.options.strategy == "canary":
            try_canaries(self, schedule.canaries(changes, self.current))
        for move in plan.moves:
            if isinstance(move, DestroyMachine):
                self.destroy(move.machine)
                left = "what an earlier deploy left, machine" if move.is_left_over else "machine"
                self.progress.say(f"Destroyed {left} {move.machine} [{move.group}]")
        self._launch_groups([move for move in plan.moves if isinstance(move, LaunchMachine)])
        if changes:
            self.progress.say(f"Updating existing machines in '{self.app}' with {self.options.strategy} strategy")
            self._change_all(changes)

    def create_volumes(self, moves: Sequence[Move]) -> None:
        """What a first deploy makes before it begins."""
        for move in moves:
            if isinstance(move, CreateVolume):
                self.progress.say(
                    f"Creating a {move.size_gb} GB volume named '{move.name}' for process group '{move.group}'."
                    " Use 'fly vol extend' to increase its size"
                )
                volume = self.call.send(create_volume(self.app, _volume_wish(move)))
                self.made_volumes[move.group] = str(volume["id"])

    # --- new machines -------------------------------------------------------------------------------------------------
    def _launch_groups(self, moves: Sequence[LaunchMachine]) -> None:
        first_of: dict[str, str] = {}
        for move in moves:
            before = first_of.get(move.group)
            if move.is_owed:
                self.progress.say(f"Bringing back the machine of volume {move.volume}, which an earlier deploy lost")
            elif before is None:
                self.progress.say(f"No machines in group {move.group}, launching a new machine")
            elif move.standby:
                self.progress.say(f"Creating a standby machine for {before}")
            else:
                self.progress.say(f"Creating a second machine in group {move.group} for high availability")
            machine = self._launch(move, before)
            first_of.setdefault(move.group, machine)
        if moves:
            self.call.note("Finished launching new machines", "green")

    def _launch(self, move: LaunchMachine, before: str | None) -> str:
        volume = self.made_volumes[move.group] if move.volume == NEW_VOLUME else move.volume
        document = self.documents.document(move.group, volume=volume)
        body: dict[str, Any] = {"config": document, "region": move.region}
        if move.standby and before is not None:
            document["standbys"] = [before]
            document["env"] = {**document["env"], "FLY_STANDBY_FOR": before}
            body["skip_launch"] = True
        machine = str(self.call.send(create_machine(self.app, body))["id"])
        if move.is_owed:
            self.ledger.pay(move.volume)
        if move.standby:
            self.progress.say(f"  Machine {machine} was created, and stays stopped")
        else:
            self.see_it_run(machine, document, f"  Machine {machine} [{move.group}]", group=move.group)
            told = f" with volume {volume}" if volume else ""
            self.progress.end(machine, f"  Machine {machine} [{move.group}] was created{told}")
        return machine

    # --- machines that are there ------------------------------------------------------------------------------------
    def destroy(self, machine: str) -> None:
        """With what runs in it; its volume stays."""
        self.call.send(destroy_machine(self.app, machine, kill=True, nonce=self.leases.nonce(machine)))
        self.leases.forget(machine)

    def _change_all(self, changes: Sequence[Change]) -> None:
        counts = {change.machine: f"[{number}/{len(changes)}]" for number, change in enumerate(changes, 1)}
        if self.options.strategy == "bluegreen":
            blue, rest = schedule.greens_and_rest(changes)
            BlueGreen(self, blue).run()
            changes = rest
        if self.options.strategy == "immediate":
            self.carry_out(schedule.immediate(changes, max_concurrent=self.options.max_concurrent), counts)
            return
        groups = schedule.rolling(changes, max_unavailable=self.options.max_unavailable)
        jobs = [_Group(self, stages, counts) for stages in groups.values()]
        in_parallel(jobs, at_once=schedule.GROUPS_AT_ONCE)

    def carry_out(self, stage: schedule.Stage, counts: Mapping[str, str]) -> None:
        """One stage; raises its first failure."""
        jobs = [_Job(self, change, counts[change.machine]) for change in stage.changes]
        in_parallel(jobs, at_once=stage.at_once, go_on=stage.go_on)

    def change(self, change: Change, count: str) -> None:
        """Update or replace one machine, and see it run."""
        document = self.document_for(change)
        if isinstance(change, ReplaceMachine):
            machine = replace_machine(self, change, document, count)
        else:
            machine = change.machine
            self.progress.show(machine, f"{count} Updating {machine} [{change.group}]")
            if change.path_changed:
                path = document["mounts"][0]["path"]
                self.progress.say(f"{count} The volume {change.volume} of {machine} moves to {path}")
            body: dict[str, Any] = {"config": document}
            if change.skip_launch:
                body["skip_launch"] = True
            self.call.send(update_machine(self.app, machine, body, nonce=self.leases.nonce(machine)))
        if not change.skip_launch:
            self.see_it_run(machine, document, f"{count} Machine {machine} [{change.group}]", group=change.group)
        self.progress.end(change.machine, f"{count} Machine {machine} [{change.group}] update succeeded")

    def document_for(self, change: Change) -> dict[str, Any]:
        """The config of the machine after the change."""
        old = config_of(self.machines[change.machine])
        document = self.documents.document(change.group, volume=change.volume, now=old)
        replaced = (old.get("metadata") or {}).get(REPLACES)
        if replaced in self.machines:  # on a host that does not answer, else the plan would not have let this one live
            document["metadata"] = {**document["metadata"], REPLACES: replaced}
        if old.get("standbys"):
            standbys = schedule.successors_of(old["standbys"], self.successors)
            document["standbys"] = standbys
            document["env"] = {**document["env"], "FLY_STANDBY_FOR": ",".join(standbys)}
        return document

    def see_it_run(self, machine: str, document: Wire, says: str, *, group: str = "") -> None:
        """Until it is known to run and to be healthy, as far as the strategy and the flags want that known."""
        if self.options.strategy == "immediate":
            return
        key = next((old for old, new in self.successors.items() if new == machine), machine)
        self.seeing.see(machine, document, lambda words: self.progress.show(key, f"{says} {words}"), group=group)


@dataclass(frozen=True)
class _Group:
    """One process group's stages; what a failure keeps from being begun is told."""

    execution: Execution
    stages: Sequence[schedule.Stage]
    counts: Mapping[str, str]

    def __call__(self) -> None:
        try:
            for stage in self.stages:
                if not self.execution.failed.is_set():
                    self.execution.carry_out(stage, self.counts)
        finally:
            left = [one for stage in self.stages for one in stage.changes if one.machine not in self.execution.begun]
            for change in left:
                who = f"{self.counts[change.machine]} Machine {change.machine} [{change.group}]"
                self.execution.progress.say(f"{who} update canceled")


@dataclass(frozen=True)
class _Job:
    execution: Execution
    change: Change
    count: str

    def __call__(self) -> None:
        execution, machine = self.execution, self.change.machine
        execution.begun.add(machine)
        try:
            execution.snapshots.take(self.change, self.count)
            self._try(execution.options.retries)
        except Problem as problem:
            execution.failed.set()
            who = f"{self.count} Machine {machine} [{self.change.group}]"
            execution.progress.end(machine, f"{who} update failed: {problem.message}")
            raise

    def _try(self, retries: int) -> None:
        try:
            self.execution.change(self.change, self.count)
        except Problem as problem:
            if not retries or self.change.machine in self.execution.successors:
                raise
            self.execution.progress.say(f"{self.count} Trying machine {self.change.machine} again: {problem.message}")
            self._try(retries - 1)


def _volume_wish(move: CreateVolume) -> dict[str, Any]:
    return {
        "name": move.name,
        "region": move.region,
        "size_gb": move.size_gb,
        "encrypted": True,
        "require_unique_zone": False,
        "snapshot_retention": move.snapshot_retention,
        "auto_backup_enabled": move.scheduled_snapshots,
    }
