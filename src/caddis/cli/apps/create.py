"""`fly apps create [name]` (facts: cli-deploy-launch 6)."""

from __future__ import annotations

from pathlib import Path

from caddis.cli.apps.names import generate_name
from caddis.cli.apps.organization import choose_organization
from caddis.cli.call import Call
from caddis.cli.flags import JSON, ORG, YES, switch, text
from caddis.cli.tables import as_json
from caddis.cli.verb import at_most, verb
from caddis.client.apps import create_app, get_app
from caddis.domain.errors import Conflict, Invalid
from caddis.domain.ids import check_app_name

CONFIG_FILE = Path("fly.toml")


def run(call: Call) -> None:
    """Create it, and say its name."""
    name = _name(call)
    if name:
        check_app_name(name)
    if call.switch("save") and CONFIG_FILE.exists():
        raise Conflict(f"{CONFIG_FILE} exists: nothing was created", hint="leave --save away, or delete the file first")
    organization = choose_organization(call)
    created = call.send(create_app(name or generate_name(), str(organization["slug"]), network=call.text("network")))
    app = call.send(get_app(str(created["name"])))
    if call.switch("save"):
        CONFIG_FILE.write_text(f'app = "{app["name"]}"\n')
    call.say(as_json(app) if call.json else f"New app created: {app['name']}\n", end="")


def _name(call: Call) -> str:
    argument = call.arguments[0] if call.arguments else ""
    flag = call.text("name")
    if argument and flag and argument != flag:
        raise Invalid(f"two app names specified: {argument} and {flag}, only one may be specified")
    if argument or flag:
        return argument or flag
    if call.switch("generate-name"):
        return ""
    if not call.interactive:
        raise Invalid(
            "name argument or flag must be specified when not running interactively",
            hint="fly apps create NAME, or fly apps create --generate-name",
        )
    from caddis.cli.prompts import ask

    return ask("Choose an app name (leave blank to generate one):")


COMMAND = verb(
    run,
    usage="create [name]",
    long="""Create a new app: a name, with nothing in it.

`fly launch` creates one from source code, and deploys it. Names are unique in an installation.""",
    examples=("fly apps create web", "fly apps create --generate-name --org personal --json"),
    flags=(
        text("name", help="The app's name"),
        switch("generate-name", help="Generate a name"),
        text("network", help="Name of the private network to create the app on"),
        ORG,
        switch("save", help="Save the app's name to fly.toml"),
        YES,
        JSON,
    ),
    count=at_most(1),
)
