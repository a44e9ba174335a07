"""`fly volumes restore <volume id>`: the undo of destroy. flyctl has none; this is ours (promise P5)."""

from __future__ import annotations

from caddis.cli.call import Call
from caddis.cli.flags import APP_FLAGS, JSON
from caddis.cli.verb import exactly, verb
from caddis.cli.volumes.show_volume import print_volume
from caddis.cli.volumes.whose import choose_app
from caddis.client.volumes import restore_volume


def run(call: Call) -> None:
    """Possible for 24 hours after the volume was destroyed."""
    app = choose_app(call)
    print_volume(call, call.send(restore_volume(app, call.arguments[0])), app)


LONG = """Bring back a volume that was destroyed less than 24 hours ago.

It comes back as it was, with its id. A volume of an app that was destroyed too comes back in a new app of that name."""

COMMAND = verb(
    run,
    usage="restore <volume id>",
    long=LONG,
    examples=("fly volumes restore vol_4ze86k1w0n2rq5py",),
    flags=(*APP_FLAGS, JSON),
    count=exactly(1),
)
