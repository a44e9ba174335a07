"""`fly volumes create <volume name>` (facts: cli-volumes 2)."""

from __future__ import annotations

from typing import Any

from caddis.cli.call import Call
from caddis.cli.flags import APP_FLAGS, JSON, REGION, VM, YES, number, switch, text
from caddis.cli.guest import hint_from_flags
from caddis.cli.region import choose_region
from caddis.cli.verb import exactly, verb
from caddis.cli.volumes.show_volume import TWO_OR_MORE, is_shown, print_volume
from caddis.client.volumes import create_volume, list_volumes
from caddis.domain.errors import Invalid
from caddis.domain.ids import check_volume_name
from caddis.domain.sizes import check_volume_size

FLAGS = (
    *APP_FLAGS,
    REGION,
    number("size", "s", help="The size of the volume in gigabytes (with --snapshot-id: the snapshot's)", default=1),
    number("count", "n", help="The number of volumes to create", default=1),
    number("snapshot-retention", help="Days to keep snapshots", default=5),
    switch("scheduled-snapshots", help="Take a snapshot every day", default=True),
    switch("no-encryption", help="Do not encrypt what is on the volume"),
    switch("require-unique-zone", help="Another zone than other volumes of the same name", default=True),
    switch("unique-zone-app-wide", help="Another zone than every volume of the app"),
    text("snapshot-id", help="Create the volume from a snapshot; list them with: fly volumes snapshots list"),
    text("fs-type", help="ext4 or raw"),
    *VM,
    YES,
    JSON,
)


def run(call: Call) -> None:
    """Warn about a single volume, then create as many as asked for; the first failure stops."""
    app, name = call.app(), check_volume_name(call.arguments[0])
    wish = _wish(call, name)
    if not _wanted_in_spite_of_the_warning(call, app, name):
        return
    copies = wish["snapshot_id"] and not call.text("region")
    wish["region"] = "" if copies else choose_region(call)  # a snapshot's own region, if nobody says
    for _ in range(call.number("count")):
        print_volume(call, call.send(create_volume(app, wish)), app)


def _wish(call: Call, name: str) -> dict[str, Any]:
    if call.given("fs-type") and call.text("fs-type") not in ("ext4", "raw"):
        raise Invalid(f"filesystem type {call.text('fs-type')!r} is not one of ext4, raw", field="fs-type")
    if call.number("count") < 0:
        raise Invalid(f"--count {call.number('count')} is less than nothing")
    size_gb = check_volume_size(call.number("size"))
    snapshot = call.text("snapshot-id")
    if call.given("snapshot-id") and not snapshot:  # a script's variable that was not set: never an empty volume
        raise Invalid("--snapshot-id is empty", hint="list a volume's snapshots: fly volumes snapshots list ID")
    return {
        "name": name,
        "size_gb": None if snapshot and not call.given("size") else size_gb,  # the snapshot's own
        "snapshot_id": snapshot or None,
        "encrypted": not call.switch("no-encryption"),
        "require_unique_zone": call.switch("require-unique-zone"),
        "unique_zone_app_wide": call.switch("unique-zone-app-wide"),
        "snapshot_retention": call.number("snapshot-retention"),
        "auto_backup_enabled": call.switch("scheduled-snapshots") if call.given("scheduled-snapshots") else None,
        "fstype": call.text("fs-type") if call.given("fs-type") else None,
        "compute": hint_from_flags(call),
    }


def _wanted_in_spite_of_the_warning(call: Call, app: str, name: str) -> bool:
    if call.switch("yes") or call.number("count") > 1:
        return True
    volumes = call.send(list_volumes(app))
    if any(volume["name"] == name and is_shown(volume) for volume in volumes):
        return True
    call.note(f"Warning! {TWO_OR_MORE[0].upper()}{TWO_OR_MORE[1:]}", "red")
    return call.confirm("Do you still want to use the volumes feature?")


LONG = """Create a new volume for an app.

A volume lives on one host of one region, and one machine at a time can have it. Its whole size is taken from the
host's pool at once, so it can always be filled. It is encrypted unless you say otherwise. With -n 2 the
volumes go to different zones: an app that must stay up needs two, and copies its data between them by itself."""

COMMAND = verb(
    run,
    usage="create <volume name>",
    long=LONG,
    examples=(
        "fly volumes create data -a web --region lhr --size 10",
        "fly volumes create data -r lhr -n 2 -y  # two, in two zones",
        "fly volumes create data -r lhr --snapshot-id vs_9kz31m4c7x0pq8ab",
    ),
    flags=FLAGS,
    count=exactly(1),
)
