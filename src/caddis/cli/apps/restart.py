"""`fly apps restart [app name]` (facts: cli-deploy-launch 6)."""

from __future__ import annotations

from caddis.cli.apps.which import named_app
from caddis.cli.call import Call
from caddis.cli.deploy.leases import Leases
from caddis.cli.deploy.waits import wait_healthy
from caddis.cli.flags import APP_FLAGS, switch
from caddis.cli.machine.show_machine import is_managed
from caddis.cli.machine.waiting import wait_until
from caddis.cli.verb import at_most, verb
from caddis.client.apps import get_app
from caddis.client.machines import list_machines, restart_machine
from caddis.domain.errors import Unreachable

LEASE_SECONDS = 30
WAIT_SECONDS = 300.0


def run(call: Call) -> None:
    """One after the other, each until it runs and is healthy; the first that is not ends it."""
    app = named_app(call)
    running = [one for one in call.send(list_machines(app)) if is_managed(one) and one["state"] == "started"]
    away = [str(one["id"]) for one in running if one.get("host_status", "ok") != "ok"]
    machines = [str(one["id"]) for one in running if str(one["id"]) not in away]
    if not running:
        is_suspended = call.send(get_app(app))["status"] == "suspended"
        call.say(f"App {app} {'is suspended' if is_suspended else 'has no running machines to restart'}")
        if is_suspended:
            call.note(f"Start it: fly apps resume {app}")
        return
    with Leases(call.client, app, seconds=LEASE_SECONDS) as leases:
        leases.acquire(machines)
        for machine in machines:
            _restart(call, app, machine, leases)
    if away:
        raise Unreachable(
            f"machines that were not restarted, because their host does not answer: {', '.join(away)}",
            hint=f"once it is back: fly apps restart {app}",
        )


def _restart(call: Call, app: str, machine: str, leases: Leases) -> None:
    call.say(f"Restarting machine {machine}")
    nonce = leases.nonce(machine)
    call.send(restart_machine(app, machine, force=call.switch("force-stop"), nonce=nonce))
    wait_until(call.client, app, machine, "started", seconds=WAIT_SECONDS)
    if not call.switch("skip-health-checks"):
        call.say(f"  Waiting for {machine} to become healthy")
        wait_healthy(call.client, app, machine, seconds=WAIT_SECONDS)
    call.say(f"Machine {machine} restarted successfully!")


COMMAND = verb(
    run,
    usage="restart [app name]",
    long="""Restart an app: its machines that run, one after the other.

Each is stopped as its config says, started again with a fresh root file system, and waited for until it runs and its
checks pass; its volume stays. The first machine that does not come back ends the command, and the others are left as
they are. Stopped machines, and machines that deploys do not manage, are left alone.""",
    examples=("fly apps restart web", "fly apps restart -a web --skip-health-checks"),
    flags=(
        *APP_FLAGS,
        switch("force-stop", help="Kill machines instead of asking them to stop"),
        switch("skip-health-checks", help="Do not wait until checks pass"),
    ),
    count=at_most(1),
)
