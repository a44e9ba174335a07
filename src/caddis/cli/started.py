"""Which of an app's started machines a verb goes into (facts: cli-deploy-launch 9)."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping, Sequence
from typing import Any

from caddis.cli.call import Call
from caddis.cli.flags import APP_FLAGS, switch, text
from caddis.cli.machine.selection import get_one
from caddis.client.apps import get_app
from caddis.client.machines import list_machines
from caddis.domain.errors import Conflict, Invalid, NotFound

Wire = Mapping[str, Any]
CONSOLE = "caddis_console"  # the metadata of a machine that `fly console` made for itself
QUIET = switch("quiet", "q", help="Do not say which machine is used")
WHERE_FLAGS = (
    *APP_FLAGS,
    text("machine", help="The machine to use"),
    switch("select", "s", help="Select the machine from a list of the app's"),
    text("region", "r", help="A machine of this region"),
    text("group", "g", help="A machine of this process group"),
    text("address", "A", help="The machine with this address or name"),
    QUIET,
)
_NAME = re.compile(r"(?:(?:([0-9a-f]{14})\.vm|([a-z0-9-]+))\.)?([a-z0-9-]+)\.internal\.?")


def started_machine(call: Call, app: str) -> Wire:
    """The one that the flags name, else the first that is started; Conflict, with what to do, when none is."""
    call.send(get_app(app))
    if call.text("machine"):
        return check_started(get_one(call, app, call.text("machine")), app)
    if call.text("address"):
        return machine_at(call, app, call.text("address"))
    region, group = call.text("region"), call.text("group")
    fitting = [one for one in call.send(list_machines(app)) if _fits(one, region, group)]
    return choose_started(call, app, fitting, what=_what(region, group))


def machine_at(call: Call, app: str, host: str) -> Wire:
    """By id, address, `<id>.vm.<app>.internal`, `<region>.<app>.internal` or `<app>.internal`; NotFound."""
    machines = call.send(list_machines(app))
    named = _NAME.fullmatch(host)
    if named:
        if named[3] != app:
            raise Invalid(f"{host} is a name of app {named[3]}, not of {app}", hint=f"Add -a {named[3]}.")
        if named[1]:
            return check_started(get_one(call, app, named[1]), app)
        region = named[2] or ""
        fitting = [one for one in machines if not region or one["region"] == region]
        return choose_started(call, app, fitting, what=_what(region, ""))
    for one in machines:
        if host in (one["id"], one.get("name")) or _same_address(host, str(one.get("private_ip") or "")):
            return check_started(one, app)
    raise NotFound(f"app {app} has no machine at {host}", hint=f"fly machine list -a {app} shows what it has.")


def choose_started(call: Call, app: str, machines: Sequence[Wire], *, what: str = "") -> Wire:
    """From a menu with --select, else the first that is started."""
    started = [one for one in machines if one["state"] == "started" and CONSOLE not in _metadata(one)]
    if not started:
        raise Conflict(f"app {app} has no started VMs{what}", hint=f"fly status -a {app} shows how its machines are.")
    if call.switch("select"):
        if not call.interactive:
            raise Invalid("--select needs a terminal to select on", hint="Name the machine with --machine ID.")
        from caddis.cli.prompts import select

        lines = [f"{one['id']} {one['name']} (region {one['region']})" for one in started]
        return started[select("Select a machine:", lines)]
    chosen = started[0]
    if len(started) > 1 and not call.switch("quiet"):
        call.note(f"No machine specified, using {chosen['id']} in region {chosen['region']}")
    return chosen


def check_started(machine: Wire, app: str) -> Wire:
    """The machine; Conflict, with the command that starts it, when it is not started."""
    if machine["state"] != "started":
        raise Conflict(
            f"machine {machine['id']} is {machine['state']}, not started",
            hint=f"fly machine start {machine['id']} -a {app}",
        )
    return machine


def _fits(machine: Wire, region: str, group: str) -> bool:
    own = _metadata(machine).get("fly_process_group") or "app"
    return (not region or machine["region"] == region) and (not group or own == group)


def _metadata(machine: Wire) -> Wire:
    return (machine.get("config") or {}).get("metadata") or {}


def _what(region: str, group: str) -> str:
    return (f" in region {region}" if region else "") + (f" of process group {group}" if group else "")


def _same_address(one: str, other: str) -> bool:
    try:
        return ipaddress.ip_address(one.strip("[]")) == ipaddress.ip_address(other)
    except ValueError:
        return False
