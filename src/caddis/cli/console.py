"""`fly console` (facts: fly-toml 2, cli-deploy-launch 9)."""

from __future__ import annotations

from pathlib import Path

from caddis.cli.call import Call
from caddis.cli.config.remote import load_config
from caddis.cli.deploy.flags import BUILD
from caddis.cli.flags import APP_FLAGS, REGION, VM, many, switch, text
from caddis.cli.machine.selection import get_one
from caddis.cli.ssh.console import sit_at, split_command
from caddis.cli.started import check_started, choose_started
from caddis.cli.temporary import temporary_machine
from caddis.cli.verb import at_most, verb
from caddis.client.apps import get_app
from caddis.client.machines import list_machines
from caddis.domain.errors import NotFound


def run(call: Call) -> None:
    """Ends with the status of what ran."""
    from caddis.wire.fly_toml.config import FlyToml

    asked = split_command(call.text("command"), given=call.given("command"))
    app = call.app()
    call.send(get_app(app))
    try:
        config, _name = load_config(call)
    except NotFound:  # an image is enough
        config = FlyToml(app=app)
    argv = asked or split_command(config.console_command or "", given=False)
    if call.text("machine"):
        machine = check_started(get_one(call, app, call.text("machine")), app)
        code = sit_at(call, app, str(machine["id"]), argv)
    elif call.switch("select"):
        code = sit_at(call, app, str(choose_started(call, app, call.send(list_machines(app)))["id"]), argv)
    else:
        path = call.find_config()
        folder = path.resolve().parent if path is not None else Path.cwd()
        with temporary_machine(call, app, config, folder) as created:
            code = sit_at(call, app, created, argv)
    call.context.exit(code)


COMMAND = verb(
    run,
    usage="console",
    long="Open a shell, or run console_command of fly.toml, in a new machine with the image and environment of the"
    " current release. The machine has no services, and is destroyed when you leave it.",
    examples=(
        "fly console -a web  # console_command, or a shell",
        'fly console -a web -C "python manage.py migrate --plan"',
        "fly console -a web --vm-memory 1gb -e DEBUG=1 --volume data:/data",
        "fly console -a web --machine 4d891ed1f22087  # no new one",
    ),
    flags=(
        *APP_FLAGS,
        text("command", "C", help="Run this instead of console_command"),
        text("machine", "m", help="Use this machine, which must be started"),
        switch("select", "s", help="Select one of the app's machines"),
        text("user", "u", default="root", help="The user in the machine to be"),
        text("image", "i", help="Use this image instead of the current release's"),
        *BUILD,
        text("entrypoint", help="Start the machine with this entrypoint"),
        many("env", "e", help="NAME=VALUE for the machine's environment; may be repeated"),
        many("volume", "V", help="VOLUME:/PATH to mount: the id or name of an unattached volume"),
        switch("pty", help="Give the command a terminal", default=True),
        switch("quiet", "q", help="Do not say which machine is used"),
        REGION,
        *VM,
    ),
    count=at_most(0),
)
