"""`fly volumes fork [volume id]` (facts: cli-volumes 7)."""

from __future__ import annotations

from caddis.cli.call import Call
from caddis.cli.flags import APP_FLAGS, JSON, VM, switch, text
from caddis.cli.guest import hint_from_flags
from caddis.cli.verb import at_most, verb
from caddis.cli.volumes.show_volume import choose_volume, print_volume
from caddis.client.volumes import create_volume, get_volume
from caddis.domain.errors import Unreachable

FLAGS = (
    *APP_FLAGS,
    text("name", "n", help="The name of the new volume (default: the name of the source volume)"),
    text("region", "r", help="The region of the new volume (default: the source volume's)"),
    switch("require-unique-zone", help="Another zone than volumes of the same name, if there is one", default=True),
    switch("unique-zone-app-wide", help="Another zone than every volume of the app, if there is one"),
    *VM,
    JSON,
)


def run(call: Call) -> None:
    """An independent copy of the volume as it is at this instant, attached to nothing."""
    app = call.app()
    source = call.send(get_volume(app, choose_volume(call, app)))
    if source.get("host_status") != "ok":
        raise Unreachable(
            f"volume {source['id']} cannot be forked: its host is {source.get('host_status') or 'not known'}",
            hint=f"make a volume of its last snapshot instead: fly volumes snapshots list {source['id']} -a {app},"
            f" then fly volumes create {source['name']} --snapshot-id ID -a {app}",
        )
    wish = {
        "name": call.text("name") or source["name"],
        "region": call.text("region"),
        "source_volume_id": source["id"],
        "require_unique_zone": call.switch("require-unique-zone"),
        "unique_zone_app_wide": call.switch("unique-zone-app-wide"),
        "compute": hint_from_flags(call),
    }
    print_volume(call, call.send(create_volume(app, wish)), app)


LONG = """Fork a volume: an independent copy of it as it is now.

The origin and its machine are left alone. On the same host a fork is there at once and takes the space of what differs;
to another host it is streamed through the snapshot store and is `hydrating` until it is whole."""

COMMAND = verb(
    run,
    usage="fork [volume id]",
    long=LONG,
    examples=("fly volumes fork vol_4ze86k1w0n2rq5py --name data_copy",),
    flags=FLAGS,
    count=at_most(1),
)
