"""Carrying a plan out: volumes, machines that go, that come, that change (facts: cli-deploy-launch 1.7)."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from caddis.cli.call import Call
from caddis.cli.deploy.leases import Leases
from caddis.cli.deploy.moves import (
    NEW_VOLUME,
    CreateVolume,
    DestroyMachine,
    LaunchMachine,
    Move,
    Plan,
    ReplaceMachine,
    UpdateMachine,
)
from caddis.cli.deploy.options import Options
from caddis.cli.deploy.parallel import in_parallel
from caddis.cli.deploy.waits import smoke_check, wait_healthy, wait_started
from caddis.cli.deploy.wanted import Documents
from caddis.cli.log_lines import last_lines
from caddis.cli.machine.show_machine import config_of
from caddis.client.machines import create_machine, destroy_machine, update_machine
from caddis.client.volumes import create_volume
from caddis.domain.errors import Problem

Wire = Mapping[str, Any]
Change = UpdateMachine | ReplaceMachine
SHOWN_LOG_LINES = 20


@dataclass(kw_only=True)
class Execution:
    """One deploy's second half. `machines` are those that it found, by id."""

    call: Call
    app: str
    options: Options
    documents: Documents
    machines: Mapping[str, Wire]
    leases: Leases
    made_volumes: dict[str, str] = field(default_factory=dict)  # by group
    _print: threading.Lock = field(default_factory=threading.Lock)

    def run(self, plan: Plan) -> None:
        """All moves, in their order. What was done stays done when one fails: the next deploy goes on from there."""
        changes = [move for move in plan.moves if isinstance(move, UpdateMachine | ReplaceMachine)]
        touched = [move.machine for move in plan.moves if isinstance(move, DestroyMachine)]
        self.leases.acquire([*touched, *(move.machine for move in changes)])
        for move in plan.moves:
            if isinstance(move, DestroyMachine):
                self.destroy(move)
        self._launch_groups([move for move in plan.moves if isinstance(move, LaunchMachine)])
        self._change_all(changes)

    def create_volumes(self, moves: Sequence[Move]) -> None:
        """What a first deploy makes before it begins."""
        for move in moves:
            if isinstance(move, CreateVolume):
                self.say(
                    f"Creating a {move.size_gb} GB volume named '{move.name}' for process group '{move.group}'."
                    " Use 'fly vol extend' to increase its size"
                )
                volume = self.call.send(create_volume(self.app, _volume_wish(move)))
                self.made_volumes[move.group] = str(volume["id"])

    def say(self, words: str) -> None:
        """One whole line, also from threads."""
        with self._print:
            self.call.say(words)

    # --- new machines -------------------------------------------------------------------------------------------------
    def _launch_groups(self, moves: Sequence[LaunchMachine]) -> None:
        first_of: dict[str, str] = {}
        for move in moves:
            before = first_of.get(move.group)
            if before is None:
                self.say(f"No machines in group {move.group}, launching a new machine")
            elif move.standby:
                self.say(f"Creating a standby machine for {before}")
            else:
                self.say(f"Creating a second machine in group {move.group} for high availability")
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
        if move.standby:
            self.say(f"  Machine {machine} was created, and stays stopped")
        else:
            self._see_it_run(machine, document)
            self.say(f"  Machine {machine} [{move.group}] was created" + (f" with volume {volume}" if volume else ""))
        return machine

    # --- machines that are there ------------------------------------------------------------------------------------
    def destroy(self, move: DestroyMachine | ReplaceMachine) -> None:
        """With what runs in it; its volume stays."""
        request = destroy_machine(self.app, move.machine, kill=True, nonce=self.leases.nonce(move.machine))
        self.call.send(request)
        self.leases.forget(move.machine)
        if isinstance(move, DestroyMachine):
            self.say(f"Destroyed machine {move.machine} [{move.group}]")

    def _change_all(self, changes: Sequence[Change]) -> None:
        if not changes:
            return
        self.say(f"Updating existing machines in '{self.app}' with {self.options.strategy} strategy")
        jobs = [_Job(self, move, f"[{number}/{len(changes)}]") for number, move in enumerate(changes, 1)]
        if self.options.strategy == "immediate":
            in_parallel(jobs, at_once=self.options.max_concurrent, go_on=True)
            return
        first, rest = jobs[:1], jobs[1:]
        in_parallel(first, at_once=1)
        in_parallel(rest, at_once=self.options.at_once(len(changes)))

    def change(self, move: Change, count: str) -> None:
        """Update or replace one machine, and see it run."""
        old = self.machines[move.machine]
        document = self.documents.document(move.group, volume=move.volume, now=config_of(old))
        if isinstance(move, ReplaceMachine):
            self.say(f"{count} Replacing {move.machine} [{move.group}] by new machine")
            self.destroy(move)
            body = {"config": document, "region": move.region, "name": old.get("name", "")}
            machine, runs = str(self.call.send(create_machine(self.app, body))["id"]), True
            self.say(f"{count} Created machine {machine} [{move.group}] in the place of {move.machine}")
        else:
            self.say(f"{count} Updating {move.machine} [{move.group}]")
            if move.path_changed:
                path = document["mounts"][0]["path"]
                self.say(f"{count} The volume {move.volume} of {move.machine} moves to {path}")
            machine, runs = move.machine, not move.skip_launch
            document = _keep_standby(document, config_of(old))
            body = {"config": document, "region": old["region"], "name": old.get("name", "")}
            body["skip_launch"] = move.skip_launch
            self.call.send(update_machine(self.app, machine, body, nonce=self.leases.nonce(machine)))
        if runs and self.options.strategy != "immediate":
            self._see_it_run(machine, document)
        self.say(f"{count} Machine {machine} [{move.group}] update succeeded")

    def _see_it_run(self, machine: str, document: Wire) -> None:
        if self.options.strategy == "immediate":
            return
        try:
            wait_started(self.call.client, self.app, machine, seconds=self.options.wait_timeout)
            if self.options.smoke_checks:
                smoke_check(self.call.client, self.app, machine, document)
            if not self.options.detach:
                wait_healthy(self.call.client, self.app, machine, seconds=self.options.wait_timeout)
        except Problem as problem:
            self._show_logs(machine)
            problem.hint = problem.hint or (
                f"See fly logs -a {self.app} --machine {machine}. What was deployed stays; once it is mended,"
                " fly deploy goes on from here."
            )
            raise

    def _show_logs(self, machine: str) -> None:
        lines = last_lines(self.call.client, self.app, machine, SHOWN_LOG_LINES)
        if lines:
            self.say(f"The last lines of machine {machine}:\n" + "\n".join(f"  {line}" for line in lines))


@dataclass(frozen=True)
class _Job:
    execution: Execution
    move: Change
    count: str

    def __call__(self) -> None:
        try:
            self.execution.change(self.move, self.count)
        except Problem as problem:
            self.execution.say(
                f"{self.count} Machine {self.move.machine} [{self.move.group}] update failed: {problem.message}"
            )
            raise


def _keep_standby(document: dict[str, Any], old: Wire) -> dict[str, Any]:
    if old.get("standbys"):
        standing_for = (old.get("env") or {}).get("FLY_STANDBY_FOR", "")
        return {
            **document,
            "standbys": old["standbys"],
            "env": {**document["env"], "FLY_STANDBY_FOR": standing_for},
        }
    return document


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
