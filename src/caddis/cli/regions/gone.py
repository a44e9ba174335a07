"""Verbs of old that scripts may still type: they say what took their place."""

from __future__ import annotations

from caddis.cli.call import Call
from caddis.cli.flags import APP_FLAGS, YES, text
from caddis.cli.verb import GoCommand, any_number, verb
from caddis.domain.errors import Refused


def gone(name: str) -> GoCommand:
    """The verb of that name, which refuses."""

    def run(_call: Call) -> None:
        raise Refused(
            f"`fly regions {name}` is no longer supported: an app is where its machines are",
            hint="fly scale count COUNT --region REGION",
        )

    return verb(
        run,
        usage=f"{name} REGION ...",
        long="No longer supported: use `fly scale count` with --region.",
        examples=(f"fly regions {name} lhr",),
        flags=(*APP_FLAGS, YES, text("group", help="The process group")),
        count=any_number,
    )
