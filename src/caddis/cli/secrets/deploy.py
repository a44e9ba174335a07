"""`fly secrets deploy` (facts: cli-deploy-launch 7)."""

from __future__ import annotations

from caddis.cli.call import Call
from caddis.cli.flags import APP_FLAGS
from caddis.cli.secrets.effect import DETACH, DNS_CHECKS, find_managed
from caddis.cli.verb import at_most, verb
from caddis.domain.errors import Conflict


def run(call: Call) -> None:
    """Restart the app's machines with the secrets as they are now."""
    from caddis.cli.secrets.restart import restart_with_secrets

    app = call.app()
    machines = find_managed(call, app)
    if not machines:
        raise Conflict(f"app {app} has no machines to which secrets could be deployed", hint="fly deploy")
    restart_with_secrets(call, app, machines)


COMMAND = verb(
    run,
    usage="deploy",
    long="Restart the app's machines, one after the other, with its secrets as they are now, staged ones too.",
    examples=("fly secrets deploy -a web", "fly secrets deploy --detach  # without waiting for health checks"),
    flags=(*APP_FLAGS, DETACH, DNS_CHECKS),
    count=at_most(0),
)
