"""`fly volumes update <volume id>` (facts: cli-volumes 8)."""

from __future__ import annotations

from caddis.cli.call import Call
from caddis.cli.flags import APP_FLAGS, JSON, number, switch
from caddis.cli.verb import exactly, verb
from caddis.cli.volumes.show_volume import print_volume
from caddis.cli.volumes.whose import choose_app
from caddis.client.volumes import update_volume
from caddis.domain.volume import check_retention


def run(call: Call) -> None:
    """What is not given stays as it is."""
    app = choose_app(call)
    retention = check_retention(call.number("snapshot-retention")) if call.given("snapshot-retention") else None
    scheduled = call.switch("scheduled-snapshots") if call.given("scheduled-snapshots") else None
    request = update_volume(app, call.arguments[0], retention=retention, scheduled=scheduled)
    print_volume(call, call.send(request), app)


COMMAND = verb(
    run,
    usage="update <volume id>",
    short="Update a volume's snapshot settings",
    flags=(
        *APP_FLAGS,
        number("snapshot-retention", help="Days to keep new snapshots"),
        switch("scheduled-snapshots", help="Take a snapshot every day"),
        JSON,
    ),
    count=exactly(1),
)
