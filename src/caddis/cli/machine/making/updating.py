"""`fly machine update`: what would change, the question, and the change (facts: cli-deploy-launch 5.2)."""

from __future__ import annotations

import difflib
import json
import shlex
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from caddis.cli.call import Call
from caddis.cli.deploy.image import choose_image
from caddis.cli.machine.making.config import configure
from caddis.cli.machine.making.launching import await_checks
from caddis.cli.machine.selection import choose_app, chosen_machine, get_one, leased
from caddis.cli.machine.show_machine import config_of
from caddis.cli.machine.waiting import await_started
from caddis.cli.terminal import paint
from caddis.client.machines import update_machine
from caddis.domain.errors import Invalid, Unreachable
from caddis.domain.volume import check_mount_path

Wire = Mapping[str, Any]
_RUNS = ("started", "starting", "restarting")
_COLOURS = {"+": "green", "-": "red"}


def update_one(call: Call) -> None:
    """Nothing is changed without a yes."""
    app = choose_app(call)
    machine = get_one(call, app, chosen_machine(call, app, call.arguments))
    name = str(machine["id"])
    require_host(machine)
    before = config_of(machine)
    after = _wanted(call, app, before)
    if after == before:
        raise Invalid("no config changes found", hint="say what to change, such as --vm-memory 512 or --env NAME=VALUE")
    call.say(f"Configuration changes to be applied to machine: {name} ({machine.get('name', '')})\n")
    call.say(_show(difference(before, after)))
    if not call.switch("yes") and not call.confirm("Apply changes?"):
        call.say("No changes to apply")
        return
    starts = not call.switch("skip-start") and not after.get("standbys")
    call.say(f"Updating machine {name}")
    body = {"config": after, "region": machine["region"], "name": machine.get("name", ""), "skip_launch": not starts}
    with leased(call, app, name) as nonce:
        call.send(update_machine(app, name, body, nonce=nonce))
        if starts and not call.switch("detach"):
            call.say(f"  Waiting for {name} to be started")
            await_started(call.client, app, name, seconds=call.number("wait-timeout"))
            if not call.switch("skip-health-checks"):
                await_checks(call, app, {**machine, "config": after})
    call.say(f"Machine {name} updated successfully!")
    call.say(f"\nMonitor machine status here:\n  fly machine status {name} -a {app}")


def require_host(machine: Wire) -> None:
    """Unreachable unless the machine's host answers."""
    if machine.get("host_status", "ok") != "ok":
        raise Unreachable(
            f"machine {machine['id']} is on a host that does not answer: it cannot be changed or copied now",
            hint=f"fly machine status {machine['id']}",
        )


def _wanted(call: Call, app: str, before: Wire) -> dict[str, Any]:
    from caddis.wire.fly_toml.config import FlyToml

    command: list[str] = []
    if call.text("command"):
        try:
            command = shlex.split(call.text("command"))
        except ValueError as wrong:
            raise Invalid(f"--command cannot be split into words: {wrong}") from wrong
    after = configure(call, before, command=command)
    if call.given("mount-point"):
        mounts = after.get("mounts") or []
        if len(mounts) != 1:
            raise Invalid("Machine doesn't have a volume attached", hint="--mount-point moves one that is there")
        after["mounts"] = [{**mounts[0], "path": check_mount_path(call.text("mount-point"))}]
    if call.text("image") or call.text("dockerfile"):
        after["image"] = choose_image(call, app, FlyToml(app=app), Path.cwd())
    return after


def difference(before: Wire, after: Wire) -> list[str]:
    """The lines of the two documents, marked ` `, `-` and `+`; far from a change they are left out. Pure."""
    old, new = (json.dumps(one, indent=2, sort_keys=True).splitlines() for one in (before, after))
    return [line for line in difflib.unified_diff(old, new, n=2, lineterm="") if line[:2] not in ("--", "++", "@@")]


def _show(lines: list[str]) -> str:
    return "\n".join(
        paint(f"  {line}", _COLOURS[line[0]], sys.stdout) if line[0] in _COLOURS else f"  {line}" for line in lines
    )
