"""`fly version`."""

from __future__ import annotations

import os

from caddis import __version__
from caddis.cli.call import Call
from caddis.cli.flags import JSON
from caddis.cli.verb import at_most, verb


def run(call: Call) -> None:
    """Asks nothing of the server."""
    machine = os.uname()
    system = f"{machine.sysname.lower()}/{machine.machine}"
    if call.json:
        from caddis.cli.tables import as_json

        call.say(as_json({"Name": "fly", "Version": __version__, "OS/Arch": system, "Platform": "caddis"}), end="")
        return
    call.say(f"fly v{__version__} {system} Caddis")


COMMAND = verb(
    run,
    usage="version",
    examples=(
        "fly version",
        "fly version --json",
    ),
    flags=(JSON,),
    count=at_most(0),
)
