"""`fly secrets list` (facts: cli-deploy-launch 7)."""

from __future__ import annotations

from caddis.cli.call import Call
from caddis.cli.flags import APP_FLAGS, JSON
from caddis.cli.secrets.statuses import MOST_MACHINES, PREFIXES, status_of, summary, versions_of
from caddis.cli.tables import as_json, table
from caddis.cli.verb import at_most, verb
from caddis.client.machines import list_machines
from caddis.client.secrets import list_secrets


def run(call: Call) -> None:
    """Names, digests, and whether machines have them."""
    app = call.app()
    found = call.send(list_secrets(app))
    machines = call.send(list_machines(app))
    versions = versions_of(machines)
    secrets = [{**secret, "status": status_of(secret, versions)} for secret in found["secrets"]]
    if call.json:
        shown = ("name", "digest", "status", "created_at", "updated_at")
        call.say(as_json([{key: secret[key] for key in shown} for secret in secrets]), end="")
        return
    if len(machines) > MOST_MACHINES:
        call.say(table(("Name", "Digest"), [[one["name"], one["digest"]] for one in secrets]), end="")
        return
    rows = [[PREFIXES.get(one["status"], "") + one["name"], one["digest"], one["status"]] for one in secrets]
    call.say(table(("Name", "Digest", "Status"), rows), end="")
    said = summary([one["status"] for one in secrets], versions, int(found["version"])) if machines else ""
    if said:
        call.say(said)


COMMAND = verb(
    run,
    usage="list",
    long="List an app's secrets: names, digests that change with the value, and whether machines have them. Values are"
    " for machines only.",
    examples=("fly secrets list -a web", "fly secrets list --json"),
    flags=(*APP_FLAGS, JSON),
    count=at_most(0),
)
