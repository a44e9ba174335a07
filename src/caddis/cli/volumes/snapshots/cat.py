"""`fly volumes snapshots cat <snapshot id> <path>`: one file's content, to standard output."""

from __future__ import annotations

import os
import sys

from caddis.cli.call import Call
from caddis.cli.flags import APP_FLAGS
from caddis.cli.verb import exactly, verb
from caddis.client.files import read_file
from caddis.wire.file import name_to_wire


def run(call: Call) -> None:
    """As it is, byte for byte."""
    snapshot, path = call.arguments
    with read_file(call.client, call.app(), snapshot, name_to_wire(os.fsencode(path))) as download:
        for part in download.parts:
            sys.stdout.buffer.write(part)
    sys.stdout.buffer.flush()


COMMAND = verb(
    run,
    usage="cat <snapshot id> <path>",
    examples=("fly volumes snapshots cat vs_9kz31m4c7x0pq8ab /config.json",),
    flags=APP_FLAGS,
    count=exactly(2),
)
