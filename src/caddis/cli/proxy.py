"""`fly proxy <local[:remote]> [remote host]` (facts: cli-deploy-launch 9)."""

from __future__ import annotations

from caddis.cli.call import Call
from caddis.cli.flags import APP_FLAGS, switch, text
from caddis.cli.started import QUIET, choose_started, machine_at
from caddis.cli.verb import verb
from caddis.client.apps import get_app
from caddis.client.machines import list_machines
from caddis.domain.errors import Invalid

_MOST = (1 << 16) - 1


def run(call: Call) -> None:
    """Until Ctrl-C."""
    from caddis.cli.relaying import listening, relay

    local, remote = read_ports(call.arguments[0])
    host = call.arguments[1] if len(call.arguments) > 1 else ""
    address = call.text("bind-addr")
    app = call.app()
    call.send(get_app(app))
    machine = machine_at(call, app, host) if host else choose_started(call, app, call.send(list_machines(app)))
    with listening(address, local) as door:
        if not call.switch("quiet"):
            bound = door.getsockname()[1]
            call.say(f"Proxying local port {bound} to remote [{machine.get('private_ip') or machine['id']}]:{remote}")
        relay(door, call.client.settings, (app, str(machine["id"]), remote), call.note)


def read_ports(text: str) -> tuple[int, int]:
    """Local and remote port meant by "5432" or "15432:5432"; Invalid, naming it, when one is none."""
    local, colon, remote = text.partition(":")
    for one in (local, remote) if colon else (local,):
        if not one.isascii() or not one.isdecimal() or int(one) > _MOST:
            raise Invalid(f"{one!r} is not a port: those are 1 to {_MOST}", hint="fly proxy 15432:5432")
    if int(remote or local) == 0:
        raise Invalid("the remote port cannot be 0", hint="fly proxy 15432:5432")
    return int(local), int(remote or local)


def _one_or_two(count: int) -> str:
    return "" if count in (1, 2) else f"accepts between 1 and 2 arg(s), received {count}"


COMMAND = verb(
    run,
    usage="proxy <local:remote> [remote host]",
    long="Connect a local port to a port of a running machine, until Ctrl-C. What listens there must listen on"
    " 0.0.0.0 or [::].",
    examples=(
        "fly proxy 5432 -a db  # the same port here and there",
        "fly proxy 15432:5432 -a db",
        "fly proxy 8080:80 4d891ed1f22087.vm.web.internal -a web  # one machine",
    ),
    flags=(
        *APP_FLAGS,
        text("bind-addr", "b", default="127.0.0.1", help="Local address to listen on"),
        switch("select", "s", help="Select the machine from a list of the app's"),
        QUIET,
    ),
    count=_one_or_two,
)
