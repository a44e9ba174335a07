"""`fly volumes update <volume id>` (facts: cli-volumes 8)."""

from __future__ import annotations

from caddis.cli.call import Call
from caddis.cli.flags import APP_FLAGS, JSON, number, switch, text
from caddis.cli.verb import exactly, verb
from caddis.cli.volumes.show_volume import print_volume
from caddis.cli.volumes.whose import choose_app
from caddis.client.volumes import update_volume
from caddis.domain.io_limits import parse_bandwidth, parse_iops
from caddis.domain.volume import check_retention

_LIMITS = {"iops": parse_iops, "bandwidth": parse_bandwidth}


def run(call: Call) -> None:
    """What is not given stays as it is."""
    app = choose_app(call)
    retention = check_retention(call.number("snapshot-retention")) if call.given("snapshot-retention") else None
    scheduled = call.switch("scheduled-snapshots") if call.given("scheduled-snapshots") else None
    limits = {name: parse(call.text(name)) for name, parse in _LIMITS.items() if call.given(name)}
    request = update_volume(app, call.arguments[0], retention=retention, scheduled=scheduled, io_limits=limits)
    print_volume(call, call.send(request), app)


LONG = """Update a volume's snapshot settings and I/O limits.

Nothing is restarted. A new retention counts for new snapshots; those that exist keep theirs."""

COMMAND = verb(
    run,
    usage="update <volume id>",
    long=LONG,
    examples=(
        "fly volumes update vol_4ze86k1w0n2rq5py --snapshot-retention 14  # keep new snapshots two weeks",
        "fly volumes update vol_4ze86k1w0n2rq5py --scheduled-snapshots=false",
    ),
    flags=(
        *APP_FLAGS,
        number("snapshot-retention", help="Days to keep new snapshots"),
        switch("scheduled-snapshots", help="Take a snapshot every day"),
        text("iops", help='Most reads and most writes a second, "off" or "default"'),
        text("bandwidth", help='Most bytes read and most written a second, like 16MiB, "off" or "default"'),
        JSON,
    ),
    count=exactly(1),
)
