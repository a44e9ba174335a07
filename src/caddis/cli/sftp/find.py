"""`fly sftp find [path]` (facts: cli-deploy-launch 9)."""

from __future__ import annotations

import os
import sys

from caddis.cli.call import Call
from caddis.cli.started import WHERE_FLAGS, started_machine
from caddis.cli.verb import at_most, verb
from caddis.client.guest_files import read_guest_files
from caddis.wire.file import name_to_wire


def run(call: Call) -> None:
    """One path a line, the folder itself first; links are named and not followed."""
    app, path = call.app(), call.arguments[0] if call.arguments else "/"
    machine = str(started_machine(call, app)["id"])
    with read_guest_files(call.client, app, machine, name_to_wire(os.fsencode(path)), wanted="names") as download:
        for part in download.parts:
            sys.stdout.buffer.write(part.replace(b"\0", b"\n"))
    sys.stdout.buffer.flush()


COMMAND = verb(
    run,
    usage="find [path]",
    examples=("fly sftp find /data -a web  # everything below /data",),
    flags=WHERE_FLAGS,
    count=at_most(1),
)
