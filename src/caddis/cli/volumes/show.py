"""`fly volumes show [volume id]` (facts: cli-volumes 5)."""

from __future__ import annotations

from datetime import UTC, datetime

from caddis.cli.call import Call
from caddis.cli.flags import APP_FLAGS, JSON
from caddis.cli.verb import at_most, verb
from caddis.cli.volumes.risk import at_risk
from caddis.cli.volumes.show_volume import choose_volume, print_volume
from caddis.cli.volumes.whose import choose_app
from caddis.client.volumes import get_volume


def run(call: Call) -> None:
    """The same block, or JSON object, as create; and on stderr how full it is, and what would be lost now."""
    app = choose_app(call)
    volume = call.send(get_volume(app, choose_volume(call, app)))
    print_volume(call, volume, app)
    if not call.json:
        call.note(f"{volume['id']}: {at_risk(volume, datetime.now(UTC))}")


COMMAND = verb(
    run,
    usage="show [volume id]",
    examples=(
        "fly volumes show vol_4ze86k1w0n2rq5py",
        "fly volumes show -a web  # choose from a menu",
    ),
    flags=(*APP_FLAGS, JSON),
    count=at_most(1),
)
