"""A release that changes nothing but the secrets: every machine gets a new version with the config that it has."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from caddis.cli.call import Call
from caddis.cli.deploy.current import ended_by_itself
from caddis.cli.deploy.flags import DEFAULT_UNAVAILABLE
from caddis.cli.deploy.leases import Leases
from caddis.cli.deploy.parallel import in_parallel
from caddis.cli.deploy.schedule import at_once
from caddis.cli.deploy.waits import smoke_check, wait_healthy, wait_started
from caddis.cli.machine.show_machine import config_of, group_of, metadata_of
from caddis.cli.secrets.release import begin_release, end_release, run_release
from caddis.client.machines import update_machine
from caddis.domain.errors import Problem

Wire = Mapping[str, Any]
_LEASE_SECONDS = 13
_WAIT_SECONDS = 300.0
_RUNS = frozenset({"started", "starting", "restarting", "failed", "updating", "replacing"})


def restart_with_secrets(call: Call, app: str, machines: Sequence[Wire]) -> None:
    """The first alone, then a third of the rest at a time. One whose host does not answer keeps what it has."""
    reachable = [machine for machine in machines if machine.get("host_status", "ok") == "ok"]
    for machine in machines:
        if machine not in reachable:
            call.note(
                f"WARNING: the host of machine {machine['id']} does not answer: it keeps its old secrets", "yellow"
            )
    if not reachable:
        return
    release = begin_release(call, app)
    try:
        run_release(call, release)
        with Leases(call.client, app, seconds=_LEASE_SECONDS) as leases:
            leases.acquire(str(machine["id"]) for machine in reachable)
            _Restart(call, app, release, leases, len(reachable)).run(reachable)
    except KeyboardInterrupt:
        end_release(call, release, "interrupted")
        raise
    except Problem as problem:
        end_release(call, release, "failed", problem.message)
        raise
    end_release(call, release, "complete")


@dataclass(frozen=True)
class _Restart:
    call: Call
    app: str
    release: Wire | None
    leases: Leases
    count: int
    _print: threading.Lock = field(default_factory=threading.Lock)

    def run(self, machines: Sequence[Wire]) -> None:
        self._say(f"Updating existing machines in '{self.app}' with rolling strategy")
        jobs = [partial(self._update, machine, number) for number, machine in enumerate(machines, 1)]
        in_parallel(jobs[:1], at_once=1)
        in_parallel(jobs[1:], at_once=at_once(self.count, DEFAULT_UNAVAILABLE))

    def _update(self, machine: Wire, number: int) -> None:
        id, where = str(machine["id"]), f"[{number}/{self.count}]"
        runs = machine["state"] in _RUNS or (machine["state"] == "stopped" and ended_by_itself(machine))
        runs = runs and not config_of(machine).get("standbys")
        config = self._config(machine)
        body = {"config": config, "name": machine.get("name", ""), "region": machine["region"], "skip_launch": not runs}
        self._say(f"{where} Updating {id} [{group_of(machine)}]")
        try:
            self.call.send(update_machine(self.app, id, body, nonce=self.leases.nonce(id)))
            if runs:
                self._see_it_run(id, config)
        except Problem as problem:
            self._say(f"{where} Machine {id} [{group_of(machine)}] update failed: {problem.message}")
            problem.hint = problem.hint or (
                f"See fly logs -a {self.app} --machine {id}. The secrets are kept: `fly secrets deploy` tries again."
            )
            raise
        self._say(f"{where} Machine {id} [{group_of(machine)}] update succeeded")

    def _config(self, machine: Wire) -> dict[str, Any]:
        if self.release is None:
            return dict(config_of(machine))
        told = {
            "fly_release_id": str(self.release["id"]),
            "fly_release_version": str(self.release["version"]),
        }
        return {**config_of(machine), "metadata": {**metadata_of(machine), **told}}

    def _see_it_run(self, machine: str, config: Wire) -> None:
        wait_started(self.call.client, self.app, machine, seconds=_WAIT_SECONDS)
        if not self.call.switch("detach"):
            smoke_check(self.call.client, self.app, machine, config)
            wait_healthy(self.call.client, self.app, machine, seconds=_WAIT_SECONDS)

    def _say(self, words: str) -> None:
        with self._print:
            self.call.say(words)
