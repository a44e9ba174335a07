"""`fly apps list` (facts: cli-deploy-launch 6)."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

from caddis.cli.call import Call
from caddis.cli.flags import JSON, ORG, switch
from caddis.cli.tables import as_json, table
from caddis.cli.times import ago
from caddis.cli.verb import at_most, verb
from caddis.client.apps import list_apps, list_organizations
from caddis.client.releases import get_current_release
from caddis.domain.errors import NotFound
from caddis.wire.time import time_from_wire

AT_ONCE = 8  # questions to the server


def run(call: Call) -> None:
    """All apps of one organization, or of all that the token reaches."""
    wanted = call.text("org")
    slugs = [wanted] if wanted else [str(one["slug"]) for one in call.send(list_organizations())["organizations"]]
    apps = [app for slug in slugs for app in call.send(list_apps(slug))["apps"]]
    if call.json:
        call.say(as_json(apps), end="")
    elif not apps:
        call.say("No apps found")
    elif call.switch("quiet"):
        call.say("".join(f" {app['name']} \n" for app in apps), end="")
    else:
        with ThreadPoolExecutor(AT_ONCE) as pool:
            deploys = list(pool.map(lambda app: _latest_deploy(call, str(app["name"])), apps))
        with_network = any(app.get("network") not in (None, "", "default") for app in apps)
        rows = [
            [
                app["name"],
                app["organization"]["slug"],
                app["status"],
                *([str(app["network"])] if with_network else []),
                deploy,
            ]
            for app, deploy in zip(apps, deploys, strict=True)
        ]
        header = ("Name", "Owner", "Status", *(("Network",) if with_network else ()), "Latest Deploy")
        call.say(table(header, rows), end="")


def _latest_deploy(call: Call, app: str) -> str:
    try:
        release = call.send(get_current_release(app))
    except NotFound:
        return ""
    return ago(time_from_wire(str(release["created_at"])), datetime.now(UTC))


COMMAND = verb(
    run,
    usage="list",
    long="""List apps, with their status and when they were last deployed.

`pending` is an app that was never deployed, and `suspended` one that was stopped with `fly apps suspend`.""",
    examples=("fly apps list", "fly apps list --org personal --quiet"),
    flags=(ORG, switch("quiet", "q", help="Only list app names"), JSON),
    count=at_most(0),
)
