"""[deploy] release_command: run once, in a machine of its own, before anything is changed (1.5); and seed_command.

It has no volume, or with release_command_volume = "fork" a copy of the app's, which is thrown away afterwards.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping
from typing import Any

from caddis.cli.call import Call
from caddis.cli.deploy.once import run_once
from caddis.cli.deploy.options import Options
from caddis.cli.deploy.trial_volume import trial_volume
from caddis.cli.deploy.wanted import Documents
from caddis.cli.guest import guest_to_wire
from caddis.cli.machine.show_machine import config_of, group_of
from caddis.domain.errors import Problem, TimedOut
from caddis.domain.machine import Guest
from caddis.wire.fly_toml.groups import default_group, guest_of
from caddis.wire.fly_toml.machine import split_command

GROUP = "fly_app_release_command"
_LEAST = Guest(cpus=2, memory_mb=512)  # shared-cpu-2x

Wire = Mapping[str, Any]


def run_release_command(
    call: Call, app: str, *, documents: Documents, options: Options, machines: Iterable[Wire], is_first: bool
) -> None:
    """Problem, with its last lines, when it does not end with 0; then nothing of the app was changed."""
    deploy = documents.config.deploy
    if deploy is None:
        return
    guest, seconds = _guest(documents, machines), options.release_command_timeout
    if deploy.release_command and not options.skip_release_command:
        config = _document(documents, deploy.release_command, "release_command") | {"guest": guest}
        _run(call, app, "release_command", documents=documents, config=config, seconds=seconds)
    if deploy.seed_command and is_first:
        config = _document(documents, deploy.seed_command, "seed_command") | {"guest": guest}
        _run(call, app, "seed_command", documents=documents, config=config, seconds=seconds)


def _run(
    call: Call, app: str, what: str, *, documents: Documents, config: dict[str, Any], seconds: float | None
) -> None:
    call.note(f"Running {app} {what}: {shlex.join(config['init']['cmd'])}", "green")
    with trial_volume(call, app, documents) as trial:
        region = trial.region if trial else documents.config.primary_region
        if trial:
            config["mounts"] = [trial.mount]
        try:
            machine, code, lines = run_once(call.client, app, config=config, region=region, seconds=seconds, what=what)
        except TimedOut as late:
            late.hint = "Give it longer with --release-command-timeout. Nothing of the app was changed."
            raise
        if code != 0:
            call.note("\n".join([f"{what} failed on machine {machine} with exit code {code}", *lines]))
            raise Problem(
                f"{what.replace('_', ' ')} failed - aborting deployment: machine {machine} exited with non-zero status"
                f" of {code}",
                hint="Nothing of the app was changed.",
            )
    call.note(f"{what} completed successfully", "green")


def _guest(documents: Documents, machines: Iterable[Wire]) -> Wire:
    """release_command_vm, else that of the default group's largest machine, else shared-cpu-2x."""
    section = documents.config.deploy.release_command_vm if documents.config.deploy else None
    if section is not None:
        return guest_to_wire(guest_of(section, path="deploy.release_command_vm"))
    group = default_group(documents.config)
    sizes = [config_of(one).get("guest") or {} for one in machines if group_of(one) == group]
    largest: Wire = max(sizes, key=lambda size: size.get("memory_mb", 0), default={})
    return largest or guest_to_wire(_LEAST)


def _document(documents: Documents, command: str, what: str) -> dict[str, Any]:
    document = documents.document(default_group(documents.config), volume=None)
    for name in ("services", "checks", "metrics", "statics"):
        document.pop(name, None)
    return document | {
        "init": {"cmd": split_command(command, what=f"deploy.{what}")},
        "env": {**document["env"], "RELEASE_COMMAND": "1", "FLY_PROCESS_GROUP": GROUP},
        "metadata": {**document["metadata"], "fly_process_group": GROUP},
    }
