"""Giving every machine of a process group another size, one after the other (facts: cli-deploy-launch 4.3)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from caddis.cli.call import Call
from caddis.cli.deploy.leases import Leases
from caddis.cli.guest import guest_to_wire
from caddis.cli.machine.show_machine import config_of, group_of
from caddis.cli.machine.waiting import await_started
from caddis.cli.scale.observe import DEFAULT_GROUP, Observed, observe
from caddis.client.machines import update_machine
from caddis.domain.errors import Invalid, NotFound, Unreachable
from caddis.domain.machine import Guest
from caddis.wire.vm_size import check_guest, size_name

Wire = Mapping[str, Any]
LEASE_SECONDS = 15  # kept fresh while we live; after a kill -9 nobody waits for longer
START_SECONDS = 300.0


def group_names_of(observed: Observed) -> list[str]:
    """The process groups that have machines."""
    return sorted({group_of(machine) or DEFAULT_GROUP for machine in observed.machines})


def resize(call: Call, change: Callable[[Guest], Guest]) -> Guest:
    """The size that the group's machines have now. Everything is checked before the first machine is touched."""
    app = call.app()
    observed = observe(call, app)
    group = _choose_group(call, observed)
    machines = observed.of_group(group)
    if not machines:
        raise NotFound(
            f"No active machines in process group '{group}', check `fly status` output", hint=f"fly status -a {app}"
        )
    sizes = {str(machine["id"]): check_guest(change(_guest_of(machine)), field="size") for machine in machines}
    for machine in machines:
        if machine.get("host_status", "ok") != "ok":
            raise Unreachable(
                f"machine {machine['id']} is on a host that does not answer: nothing was changed",
                hint=f"fly machine list -a {app}",
            )
    with Leases(call.client, app, seconds=LEASE_SECONDS) as leases:
        leases.acquire(sizes)
        for machine in machines:
            _resize_one(call, app, machine, guest=sizes[str(machine["id"])], nonce=leases.nonce(str(machine["id"])))
    return sizes[str(machines[0]["id"])]


def _choose_group(call: Call, observed: Observed) -> str:
    named, names = call.text("process-group"), group_names_of(observed)
    if named or not names:
        return named or DEFAULT_GROUP
    if len(names) > 1:
        raise Invalid(
            f"scaling an app with multiple process groups requires specifying a group: {', '.join(names)}",
            hint=f"add --process-group {names[0]}",
        )
    return names[0]


def _guest_of(machine: Wire) -> Guest:
    guest = config_of(machine).get("guest") or {}
    return Guest(**{key: guest[key] for key in ("cpu_kind", "cpus", "memory_mb") if guest.get(key)})


def _resize_one(call: Call, app: str, machine: Wire, *, guest: Guest, nonce: str | None) -> None:
    name = str(machine["id"])
    if _guest_of(machine) == guest:
        call.say(f"Machine {name} has that size already")
        return
    runs = machine["state"] in ("started", "starting", "restarting")
    call.say(f"Updating machine {name}")
    config = {**config_of(machine), "guest": {**(config_of(machine).get("guest") or {}), **guest_to_wire(guest)}}
    body = {"config": config, "region": machine["region"], "name": machine.get("name", ""), "skip_launch": not runs}
    call.send(update_machine(app, name, body, nonce=nonce))
    if runs:
        await_started(call.client, app, name, seconds=START_SECONDS)


def tell_size(call: Call, guest: Guest) -> None:
    """What it is now, and a warning where the local fly.toml says otherwise."""
    call.say(f"Scaled VM Type to '{size_name(guest)}'")
    call.say(f"{'CPU Cores':>15}: {guest.cpus}\n{'Memory':>15}: {guest.memory_mb} MB")
    _warn_of_config(call, guest)


def _warn_of_config(call: Call, guest: Guest) -> None:
    path = call.find_config()
    if path is None:
        return
    from caddis.cli.config_file import read_config
    from caddis.wire.fly_toml.groups import default_group, guest_for

    try:
        config = read_config(path)
    except Invalid:
        return  # it is not what this command is about
    said = guest_for(config, call.text("process-group") or default_group(config))
    if config.app in ("", call.app()) and said is not None and said != guest:
        call.note(
            f"Warning: [[vm]] in {path.name} says {size_name(said)} with {said.memory_mb} MB: the next deploy goes back"
            " to that, unless you change it there",
            "yellow",
        )
