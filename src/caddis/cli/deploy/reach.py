"""Where a deployed app is reached: no public name stands for it, so its machines' own addresses are told."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from caddis.cli.call import Call
from caddis.cli.machine.show_machine import config_of, is_managed
from caddis.client.machines import list_machines


def urls_of(machine: Mapping[str, Any]) -> list[str]:
    """Where the services of a machine are reached from its host; none while it does not run.

    By its IPv4 address: who listens on [::] answers there too, and who listens on 0.0.0.0 answers nowhere else.
    """
    address = machine.get("private_ipv4") or (f"[{machine['private_ip']}]" if machine.get("private_ip") else "")
    if not address or not is_managed(machine) or machine["state"] != "started":
        return []
    urls = []
    for service in config_of(machine).get("services") or []:
        handlers = {handler for port in service.get("ports") or [] for handler in port.get("handlers") or []}
        scheme = "http" if "http" in handlers else service.get("protocol", "tcp")
        urls.append(f"{scheme}://{address}:{service['internal_port']}")
    return urls


def tell_where(call: Call, app: str) -> None:
    """One line for each port of each machine that runs."""
    lines: list[str] = []
    for machine in call.send(list_machines(app)):
        lines.extend(f"  {machine['id']}  {url}" for url in urls_of(machine))
    if lines:
        call.say("\nYour app is reached, from the host that a machine runs on, at")
        call.say("\n".join(lines))
    else:
        call.say(f"\nDeployed. See it with `fly status -a {app}`.")
