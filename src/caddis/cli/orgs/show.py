"""`fly orgs show [slug]`."""

from __future__ import annotations

from caddis.cli.call import Call
from caddis.cli.flags import JSON, ORG
from caddis.cli.tables import as_json, vertical
from caddis.cli.verb import at_most, verb
from caddis.client.apps import get_organization, list_apps, list_organizations


def run(call: Call) -> None:
    """The one that is named, else the token's own."""
    slug = call.text("org") or (call.arguments[0] if call.arguments else "")
    slug = slug or str(call.send(list_organizations())["organizations"][0]["slug"])
    organization = call.send(get_organization(slug))["organization"]
    apps = sorted(str(app["name"]) for app in call.send(list_apps(slug))["apps"])
    kind = "PERSONAL" if organization.get("personal") else "SHARED"
    if call.json:
        shown = {"name": organization["name"], "slug": organization["slug"], "type": kind, "apps": apps}
        call.say(as_json(shown), end="")
        return
    rows = (("Name", str(organization["name"])), ("Slug", str(organization["slug"])), ("Type", kind))
    call.say(vertical((*rows, ("Apps", ", ".join(apps))), title="Organization"), end="")


COMMAND = verb(
    run,
    usage="show [slug]",
    examples=("fly orgs show personal", "fly orgs show --json"),
    flags=(ORG, JSON),
    count=at_most(1),
)
