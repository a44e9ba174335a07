"""`fly volumes snapshots create <volume id>` (facts: cli-volumes 10.2)."""

from __future__ import annotations

from caddis.cli.call import Call
from caddis.cli.flags import APP_FLAGS, JSON
from caddis.cli.verb import exactly, verb
from caddis.cli.volumes.whose import choose_app
from caddis.client.snapshots import create_snapshot


def run(call: Call) -> None:
    """It is taken in the background: `fly volumes snapshots list` tells when it is there."""
    volume = call.arguments[0]
    call.send(create_snapshot(choose_app(call), volume))
    call.say(f"Scheduled to snapshot volume {volume}")


LONG = """Snapshot a volume, as it is at one instant.

The machine runs on; its writes wait for some tens of milliseconds. Snapshots are also taken daily, unless that is
switched off with `fly volumes update`."""

COMMAND = verb(
    run,
    usage="create <volume id>",
    long=LONG,
    examples=("fly volumes snapshots create vol_4ze86k1w0n2rq5py",),
    flags=(*APP_FLAGS, JSON),
    count=exactly(1),
)
