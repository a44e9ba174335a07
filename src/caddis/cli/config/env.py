"""`fly config env` (facts: cli-deploy-launch 8)."""

from __future__ import annotations

from caddis.cli.call import Call
from caddis.cli.config.remote import released_config
from caddis.cli.flags import APP_FLAGS
from caddis.cli.tables import table
from caddis.cli.verb import at_most, verb
from caddis.client.secrets import list_secrets


def run(call: Call) -> None:
    """Names and digests of the secrets, which are never shown, and the environment of the current release."""
    app = call.app()
    config = released_config(call, app)
    secrets = sorted(call.send(list_secrets(app))["secrets"], key=lambda secret: str(secret["name"]))
    rows = [[str(secret["name"]), str(secret.get("digest") or "")] for secret in secrets]
    call.say(table(("Name", "Digest"), rows, title="Secrets"), end="")
    call.say(table(("Name", "Value"), sorted(config.env.items()), title="Environment Variables"), end="")


COMMAND = verb(
    run,
    usage="env",
    long="Show an app's environment: the names of its secrets with their digests, and [env] as it was released last.",
    examples=("fly config env -a web",),
    flags=APP_FLAGS,
    count=at_most(0),
)
