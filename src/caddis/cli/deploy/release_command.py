"""[deploy] release_command: run once, in a machine of its own, before anything is changed (1.5).

It has no volume, or with release_command_volume = "fork" a copy of the app's, which is thrown away afterwards.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from caddis.cli.call import Call
from caddis.cli.deploy.options import Options
from caddis.cli.deploy.trial_volume import Trial, trial_volume
from caddis.cli.deploy.wanted import Documents
from caddis.cli.guest import guest_to_wire
from caddis.cli.log_lines import last_lines
from caddis.client.machines import create_machine, destroy_machine, get_machine
from caddis.domain.errors import Problem, TimedOut
from caddis.domain.machine import Guest
from caddis.wire.fly_toml.groups import default_group, guest_of
from caddis.wire.fly_toml.machine import split_command

GROUP = "fly_app_release_command"
SHOWN_LOG_LINES = 100
_POLL_SECONDS = 0.25


def run_release_command(call: Call, app: str, *, documents: Documents, options: Options, region: str) -> None:
    """Problem, with its last lines, when it does not end with 0; then nothing of the app was changed."""
    deploy = documents.config.deploy
    command = deploy.release_command if deploy else ""
    if not command or options.skip_release_command:
        return
    call.note(f"Running {app} release_command: {command}", "green")
    with trial_volume(call, app, documents) as trial:
        _run_in_machine(call, app, documents=documents, options=options, region=region, trial=trial)


def _run_in_machine(
    call: Call, app: str, *, documents: Documents, options: Options, region: str, trial: Trial | None
) -> None:
    command = documents.config.deploy.release_command if documents.config.deploy else ""
    config = _document(documents, command) | ({"mounts": [trial.mount]} if trial else {})
    body = {"config": config, "region": trial.region if trial else region}
    machine = str(call.send(create_machine(app, body))["id"])
    try:
        code = _wait_for_end(call, app, machine, seconds=options.release_command_timeout)
        if code != 0:
            lines = last_lines(call.client, app, machine, SHOWN_LOG_LINES)
            call.note("\n".join([f"release_command failed on machine {machine} with exit code {code}", *lines]))
            raise Problem(
                f"release command failed - aborting deployment: machine {machine} exited with non-zero status"
                f" of {code}",
                hint="Nothing of the app was changed.",
            )
        call.note("release_command completed successfully", "green")
    finally:
        call.send(destroy_machine(app, machine, kill=True))


def _document(documents: Documents, command: str) -> dict[str, Any]:
    config = documents.config
    document = documents.document(default_group(config), volume=None)
    section = config.deploy.release_command_vm if config.deploy else None
    guest = guest_of(section, path="deploy.release_command_vm") if section else Guest(cpus=2, memory_mb=512)
    for name in ("services", "checks", "metrics", "statics"):
        document.pop(name, None)
    return document | {
        "init": {"cmd": split_command(command, what="deploy.release_command")},
        "guest": guest_to_wire(guest),
        "restart": {"policy": "no"},
        "env": {**document["env"], "RELEASE_COMMAND": "1", "FLY_PROCESS_GROUP": GROUP},
        "metadata": {**document["metadata"], "fly_process_group": GROUP},
        "dns": {"skip_registration": True},
    }


def _wait_for_end(call: Call, app: str, machine: str, *, seconds: float | None) -> int:
    over = None if seconds is None else time.monotonic() + seconds
    while over is None or time.monotonic() < over:
        now: Mapping[str, Any] = call.send(get_machine(app, machine))
        for event in now.get("events") or []:
            if event["type"] == "exit":
                return int(event["request"]["exit_event"]["exit_code"])
        if now["state"] == "failed":
            raise Problem(f"the machine {machine} of the release command could not be started")
        time.sleep(_POLL_SECONDS)
    raise TimedOut(
        f"release_command did not end within {seconds:g} s",
        hint="Give it longer with --release-command-timeout. Nothing of the app was changed.",
    )
