"""`fly auth login`: there is nowhere to sign in to. Old hands type it first, so it says what to do instead."""

from __future__ import annotations

import os

from caddis.cli.call import Call
from caddis.cli.verb import at_most, verb
from caddis.client.settings import settings_file
from caddis.domain.errors import Refused


def run(_call: Call) -> None:
    """Say where a token comes from."""
    raise Refused(
        "there is no account to sign in to: a token says who you are",
        hint="On the server's computer `caddis up` has written one for the user who started it, and"
        " eval $(caddis env) takes it into a shell.\nElsewhere: export FLY_FLAPS_BASE_URL=http://SERVER:4280"
        f" FLY_ACCESS_TOKEN=TOKEN, or keep url and token in {settings_file(os.environ)}.",
    )


COMMAND = verb(
    run,
    usage="login",
    long="""Sign in: not needed here. A token says who you are.

`caddis up` writes one for the user who starts it, and `caddis env` prints it with the server's address.""",
    examples=("fly auth login",),
    count=at_most(0),
)
