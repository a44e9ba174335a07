"""Where a deployed app is reached: no public name stands for it, so its machines' own addresses are told."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from caddis.cli.call import Call
from caddis.cli.deploy.waits import listening
from caddis.cli.machine.show_machine import config_of, is_managed
from caddis.client.machines import list_machines
from caddis.client.transport import Client


def urls_of(client: Client, app: str, machine: Mapping[str, Any]) -> list[str]:
    """Where the services of a machine are reached from its host; none while it does not run."""
    if not machine.get("private_ip") or not is_managed(machine) or machine["state"] != "started":
        return []
    services = config_of(machine).get("services") or []
    open_now = listening(client, app, machine["id"])[1] if services and machine.get("private_ip_v4") else set()
    urls = []
    for service in services:
        port = service["internal_port"]
        handlers = {handler for port in service.get("ports") or [] for handler in port.get("handlers") or []}
        scheme = "http" if "http" in handlers else service.get("protocol", "tcp")
        urls.append(f"{scheme}://{address_for(machine, port, open_now)}:{port}")
    return urls


def address_for(machine: Mapping[str, Any], port: int, open_now: Collection[str]) -> str:
    """IPv6, unless of all that is listened on (`open_now`, as `address:port`) only IPv4 has this port."""
    families = {one.startswith("[") for one in open_now if one.endswith(f":{port}")}
    return str(machine["private_ip_v4"]) if families == {False} else f"[{machine['private_ip']}]"


def tell_where(call: Call, app: str) -> None:
    """One line for each port of each machine that runs."""
    lines: list[str] = []
    for machine in call.send(list_machines(app)):
        lines.extend(f"  {machine['id']}  {url}" for url in urls_of(call.client, app, machine))
    if lines:
        call.say("\nYour app is reached, from the host that a machine runs on, at")
        call.say("\n".join(lines))
    else:
        call.say(f"\nDeployed. See it with `fly status -a {app}`.")
