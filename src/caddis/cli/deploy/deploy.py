"""`fly deploy [working directory]` (facts: cli-deploy-launch 1)."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

from caddis.cli.call import Call
from caddis.cli.config.remote import load_config
from caddis.cli.deploy.flags import common_flags
from caddis.cli.flags import APP_FLAGS
from caddis.cli.verb import at_most, verb
from caddis.domain.errors import NotFound


def run(call: Call) -> None:
    """Look, plan, build, and carry the plan out."""
    from caddis.cli.deploy.rollout import roll_out

    if call.arguments:
        try:
            os.chdir(call.arguments[0])
        except OSError as absent:
            raise NotFound(f"cannot go to the folder {call.arguments[0]}: {absent.strerror}") from absent
    config, name = load_config(call)
    path = call.find_config()
    folder = path.resolve().parent if path is not None else Path.cwd()
    app = call.text("app") or os.environ.get("FLY_APP", "") or config.app or call.app()
    roll_out(call, replace(config, app=app), name=name, folder=folder)


LONG = """Deploy an app: build its image or take the one that is named, and bring its machines to it, one by one.

What can be refused is refused before a machine is touched. Machines are changed under leases; volumes stay with their
machines. When a machine does not come up, the deploy stops there and says which one it was; the next deploy goes on.
Machines that deploys do not manage (`fly machine run`) are left alone."""

COMMAND = verb(
    run,
    usage="deploy [WORKING_DIRECTORY]",
    long=LONG,
    examples=(
        "fly deploy",
        "fly deploy ./site --image nginx:1.27 -a web",
        "fly deploy --strategy immediate --detach",
    ),
    flags=(*APP_FLAGS, *common_flags()),
    count=at_most(1),
)
