"""The app of a new machine, created on the way if it is not there (facts: cli-deploy-launch 5.1)."""

from __future__ import annotations

from caddis.cli.call import Call
from caddis.client.apps import create_app, get_app, list_organizations
from caddis.domain.errors import NotFound
from caddis.domain.ids import check_app_name, missing_app_hint


def app_for(call: Call) -> str:
    """Its name; "" when it is not there and nobody wants it."""
    name = call.app()
    try:
        call.send(get_app(name))
    except NotFound as absent:
        if not call.interactive:
            raise NotFound(f"could not find app {name!r}", hint=missing_app_hint(name)) from absent
        check_app_name(name)
        if not call.confirm(f"App '{name}' does not exist, would you like to create it?"):
            return ""
        slugs = [str(one["slug"]) for one in call.send(list_organizations())["organizations"]]
        organization = call.text("org") or ("personal" if "personal" in slugs else slugs[0])
        call.send(create_app(name, organization))
        call.say(f"New app created: {name}")
    return name
