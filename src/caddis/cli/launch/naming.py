"""The app's name: --name, else an old fly.toml's, else the folder's, else made up (facts: cli-deploy-launch 2.1)."""

from __future__ import annotations

import re
from pathlib import Path

from caddis.cli.apps.names import generate_name
from caddis.cli.call import Call
from caddis.client.apps import get_app
from caddis.domain.errors import Forbidden, Invalid, NameTaken, NotFound
from caddis.domain.ids import check_app_name


def choose_name(call: Call, folder: Path, old_name: str) -> tuple[str, str]:
    """The name and where it is from. NameTaken for one that was asked for; others get another ending."""
    named = call.text("name")
    if call.switch("no-create-app"):
        return _existing(call, named or old_name)
    if named:
        if is_taken(call, check_app_name(named)):
            raise NameTaken(
                f"the app name {named} is already taken",
                hint=f"Choose another, such as {_with_ending(named)}, or deploy to it: fly deploy -a {named}",
            )
        return named, "specified on the command line"
    if call.switch("generate-name"):
        return generate_name(), "generated"
    if old_name:
        wanted, reason = check_app_name(old_name), "from your fly.toml"
    else:
        wanted, reason = sanitised(folder.name), "derived from your directory name"
    if not wanted:
        return generate_name(), "generated"
    if not is_taken(call, wanted):
        return wanted, reason
    if old_name:
        _nudge_towards_deploy(call, wanted)
    return _with_ending(wanted), f"{reason}, with an ending because that is taken"


def sanitised(folder: str) -> str:
    """Lower-case letters, digits and dashes; "" when nothing is left."""
    return re.sub(r"-{2,}", "-", re.sub(r"[^a-z0-9-]", "-", folder.lower())).strip("-")[:63].strip("-")


def _with_ending(name: str) -> str:
    return f"{name[:40].strip('-')}-{generate_name()}"


def _existing(call: Call, name: str) -> tuple[str, str]:
    """--no-create-app: the app is there already."""
    if not name:
        raise Invalid("--no-create-app needs the name of an app", hint="Add --name NAME.")
    call.send(get_app(check_app_name(name)))
    return name, "an app that exists"


def _nudge_towards_deploy(call: Call, name: str) -> None:
    """Who launches what is launched already mostly wants to deploy it."""
    call.note(f"App {name} exists already. To deploy your changes to it, run `fly deploy` instead.", "yellow")
    if call.interactive and not call.switch("yes") and not call.confirm("Launch it as a new app all the same?"):
        raise SystemExit(0)


def is_taken(call: Call, name: str) -> bool:
    """Also when it is somebody else's."""
    try:
        call.send(get_app(name))
    except NotFound:
        return False
    except Forbidden:
        return True
    return True
