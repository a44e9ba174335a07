"""When machines get what was changed: now, by a restart one after the other, or later (facts: cli-deploy-launch 7)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from caddis.cli.call import Call
from caddis.cli.flags import APP_FLAGS, switch
from caddis.cli.machine.show_machine import group_of, is_managed, metadata_of
from caddis.client.apps import get_app
from caddis.client.machines import list_machines

Wire = Mapping[str, Any]
DETACH = switch("detach", help="Do not wait until machines are healthy")
DNS_CHECKS = switch("dns-checks", help="No effect: there are no public names", default=True)
EFFECT_FLAGS = (
    *APP_FLAGS,
    switch("stage", help="Keep the change for the next deploy, and restart nothing"),
    DETACH,
    DNS_CHECKS,
)
_DEPLOYED = ("deployed", "suspended")
_RELEASE_COMMAND = "fly_app_release_command"


def take_effect(call: Call, app: str) -> None:
    """After a change: restart the machines, unless it is staged or there are none."""
    if call.switch("stage"):
        call.say(
            "Secrets have been staged, but are not set on machines yet. `fly secrets deploy` or a deploy sets them."
        )
        return
    everything: list[Wire] = call.send(list_machines(app))
    machines = _managed(everything)
    if any(not metadata_of(machine).get("fly_platform_version") for machine in everything):
        call.note("Machines that deploys do not manage get the change when they are updated", "yellow")
    if machines:
        from caddis.cli.secrets.restart import restart_with_secrets

        restart_with_secrets(call, app, machines)
    elif call.send(get_app(app)).get("status") in _DEPLOYED:
        call.say("Secrets are staged: the app has no machines at the moment")
    else:
        call.say("Secrets are staged for the first deployment")


def find_managed(call: Call, app: str) -> list[Wire]:
    """Machines that deploys take care of, but for the one of a release command that runs just now."""
    return _managed(call.send(list_machines(app)))


def _managed(machines: Sequence[Wire]) -> list[Wire]:
    return [machine for machine in machines if is_managed(machine) and group_of(machine) != _RELEASE_COMMAND]
