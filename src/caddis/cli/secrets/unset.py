"""`fly secrets unset NAME …` (facts: cli-deploy-launch 7)."""

from __future__ import annotations

from caddis.cli.call import Call
from caddis.cli.secrets.effect import EFFECT_FLAGS, take_effect
from caddis.cli.verb import at_least, verb
from caddis.client.secrets import change_secrets, list_secrets
from caddis.domain.secret import check_secret_name


def run(call: Call) -> None:
    """Forget them, and restart the app's machines without them. One that is not there is no problem."""
    app = call.app()
    for name in call.arguments:
        check_secret_name(name)
    known = {secret["name"] for secret in call.send(list_secrets(app))["secrets"]}
    absent = [name for name in call.arguments if name not in known]
    if absent:
        call.note(f"App {app} has no secret {', '.join(absent)}", "yellow")
    if len(absent) == len(call.arguments):
        return
    call.send(change_secrets(app, dict.fromkeys(call.arguments)))
    take_effect(call, app)


COMMAND = verb(
    run,
    usage="unset NAME [NAME ...]",
    examples=(
        "fly secrets unset OLD_KEY -a web",
        "fly secrets unset --stage A B  # machines lose them with the next deploy",
    ),
    flags=EFFECT_FLAGS,
    count=at_least(1),
)
