"""Creating a machine and seeing it run, in flyctl's words (facts: cli-deploy-launch 5.1)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from caddis.cli.call import Call
from caddis.cli.deploy.waits import wait_healthy
from caddis.cli.machine.making.app import app_for
from caddis.cli.machine.making.config import configure
from caddis.cli.machine.making.image import image_for
from caddis.cli.machine.making.mounts import choose_volumes, parse_mounts
from caddis.cli.machine.show_machine import config_of
from caddis.cli.machine.waiting import await_started
from caddis.cli.region import check_region
from caddis.client.machines import create_machine, get_machine
from caddis.client.platform import list_regions
from caddis.domain.errors import Problem

Wire = Mapping[str, Any]
START_SECONDS = 300.0


def make_machine(call: Call, *, start: bool) -> None:
    """`fly machine run` and `create`: what can be refused is refused before the image is built or fetched."""
    image, *command = call.arguments
    config = configure(call, {}, command=command)
    config["auto_destroy"] = call.switch("rm")
    if call.switch("rm") and "restart" not in config:
        config["restart"] = {"policy": "no"}  # or it would be started again instead
    mounts = parse_mounts(call.items("volume"))
    app = app_for(call)
    if not app:
        return
    region = _region(call, needs_one=any(not mount.is_id for mount in mounts))
    config["mounts"] = choose_volumes(call, app, mounts, region)
    config["image"] = image_for(call, app, image)
    runs = start and not config.get("standbys")
    body = {"config": config, "name": call.text("name"), "region": region, "skip_launch": not runs}
    machine = call.send(create_machine(app, body))
    done = "launched" if start else "created"
    call.say(f"Success! A Machine has been successfully {done} in app {app}")
    call.say(f" Machine ID: {machine['id']}\n Instance ID: {machine['instance_id']}\n State: {machine['state']}")
    if runs:
        see_it_run(call, app, machine)


def _region(call: Call, *, needs_one: bool) -> str:
    """ "" leaves it to the server: where the volume is, else where there is room."""
    wanted = call.text("region")
    if not wanted and not needs_one:
        return ""
    known = call.send(list_regions())
    return check_region(wanted, known) if wanted else str(known["nearest"])


def see_it_run(call: Call, app: str, machine: Wire) -> None:
    """Until it has started and its checks pass, unless --detach says not to wait."""
    name = str(machine["id"])
    call.say("\nAttempting to start machine...\n")
    if call.switch("detach"):
        return
    await_started(call.client, app, name, seconds=START_SECONDS)
    await_checks(call, app, machine)
    if not has_checks(machine):
        call.say("No health checks found")
    now = call.send(get_machine(app, name))
    if now["state"] != "started":
        call.say(f"Machine {name} has ended: it is {now['state']}")
        return
    addresses = [str(now[name]) for name in ("private_ip", "private_ipv4") if now.get(name)]
    call.say("\n  ".join(["Machine started, you can connect via the following private ip", *addresses]))


def has_checks(machine: Wire) -> bool:
    """Whether anything looks after its health."""
    config = config_of(machine)
    return bool(config.get("checks")) or any(service.get("checks") for service in config.get("services") or [])


def await_checks(call: Call, app: str, machine: Wire) -> None:
    """Until the health checks pass, if there are any; Problem when they do not in time."""
    if not has_checks(machine):
        return
    call.say("==> Monitoring health checks")
    try:
        wait_healthy(call.client, app, str(machine["id"]), seconds=START_SECONDS)
    except Problem as problem:
        problem.hint = problem.hint or f"fly machine status {machine['id']} -a {app}"
        raise
    call.say("Health checks pass")
