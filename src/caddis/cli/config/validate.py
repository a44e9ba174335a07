"""`fly config validate` (facts: cli-deploy-launch 8, fly-toml 18)."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING

from caddis.cli.call import Call
from caddis.cli.config.checking import NOT_VALID, say_findings
from caddis.cli.config.remote import load_config
from caddis.cli.flags import APP_FLAGS, switch
from caddis.cli.verb import at_most, verb
from caddis.domain.errors import Invalid

if TYPE_CHECKING:
    from caddis.wire.fly_toml.config import FlyToml


def run(call: Call) -> None:
    """The local file, else the configuration of the current release; everything is told before it ends."""
    config, name = load_config(call)
    config = replace(config, app=call.text("app") or os.environ.get("FLY_APP", "") or config.app)
    sound = say_findings(call, config, name)
    if not config.app and not any(fault.key == "app" for fault in config.faults):
        call.say('   ✘ app is missing: add `app = "NAME"`, or use the -a flag')
        sound = False
    known = not call.switch("strict") or _say_unknown(call, config)
    if not sound:
        raise Invalid(NOT_VALID)
    if not known:
        raise Invalid("strict validation failed")
    call.say("✓ Configuration is valid")


def _say_unknown(call: Call, config: FlyToml) -> bool:
    """List the keys that nobody reads; whether there are none."""
    from caddis.wire.fly_toml.strict import list_unknown_keys

    unknown = list_unknown_keys(config)
    if unknown:
        call.say("Strict validation found unrecognised sections or keys:")
    for key, row in unknown:
        call.say(f"  - {key}" + (f" (row {row})" if row else ""))
    return not unknown


COMMAND = verb(
    run,
    usage="validate",
    long="Validate an app's configuration: every fault is listed, with its row. It ends with status 1 if there is one.",
    examples=(
        "fly config validate  # the file in this folder, else what was released last",
        "fly config validate --strict  # unknown sections and keys are faults",
        "fly config validate -c fly.staging.toml",
    ),
    flags=(*APP_FLAGS, switch("strict", "s", help="Refuse sections and keys that nobody reads")),
    count=at_most(0),
)
