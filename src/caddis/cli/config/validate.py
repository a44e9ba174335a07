"""`fly config validate` (facts: cli-deploy-launch 8)."""

from __future__ import annotations

from caddis.cli.call import Call
from caddis.cli.config.checking import tell_findings
from caddis.cli.config.remote import load_config
from caddis.cli.flags import APP_FLAGS, switch
from caddis.cli.verb import at_most, verb
from caddis.domain.errors import Invalid


def run(call: Call) -> None:
    """The local file, else the configuration of the current release."""
    config, name = load_config(call)
    tell_findings(call, config, name)
    if not call.switch("strict"):
        return
    from caddis.wire.fly_toml.strict import list_unknown_keys

    unknown = list_unknown_keys(config)
    if unknown:
        call.say("Strict validation found unrecognised sections or keys:")
        for key in unknown:
            call.say(f"  - {key}")
        raise Invalid("strict validation failed")


LONG = """Validate an app's config file. Nothing is sent to a server.

It ends with status 1 when something is wrong."""

COMMAND = verb(
    run,
    usage="validate",
    long=LONG,
    examples=(
        "fly config validate",
        "fly config validate --strict  # unknown keys are faults",
    ),
    flags=(*APP_FLAGS, switch("strict", "s", help="Refuse keys that nobody reads")),
    count=at_most(0),
)
