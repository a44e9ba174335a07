"""`fly volumes import <volume name> --from FILE|FOLDER|-`: a new volume with the files of an export, tar or folder."""

from __future__ import annotations

from typing import Any

from caddis.cli.call import Call
from caddis.cli.flags import APP_FLAGS, JSON, REGION, VM, number, switch, text
from caddis.cli.region import choose_region
from caddis.cli.saving import Progress
from caddis.cli.verb import exactly, verb
from caddis.cli.volumes.show_volume import print_volume
from caddis.cli.volumes.source import open_source
from caddis.client.files import import_volume
from caddis.domain.errors import Invalid
from caddis.domain.ids import check_volume_name
from caddis.domain.sizes import check_volume_size

FLAGS = (
    *APP_FLAGS,
    text("from", help="What: a tar or ext4 image (.zst, .gz, .xz, .bz2 or plain), a folder, or - for standard input"),
    REGION,
    number("size", "s", help="The size of the volume in gigabytes", default=1),
    number("snapshot-retention", help="Days to keep snapshots", default=5),
    switch("scheduled-snapshots", help="Take a snapshot every day", default=True),
    switch("no-encryption", help="Do not encrypt what is on the volume"),
    switch("require-unique-zone", help="Another zone than other volumes of the same name", default=True),
    switch("unique-zone-app-wide", help="Another zone than every volume of the app"),
    text("fs-type", help="ext4 or raw (the bytes go onto the device as they are)"),
    *VM,
    JSON,
)
LONG = """A new volume with the files of an export, a tar, an ext4 image or a folder.

Until everything is there and on disk, the volume is `restoring`, and no machine can have it. If what comes was cut
short or altered, does not fit, or the connection breaks, the volume is undone and nothing is left.
Device nodes are left out; owners, modes, times, links, sparse files and extended attributes are kept."""


def run(call: Call) -> None:
    """Send it, and show the volume."""
    app, name = call.app(), check_volume_name(call.arguments[0])
    if not call.text("from"):
        raise Invalid("--from is missing: say what to import", hint="--from FILE, --from FOLDER or --from -")
    wish = _wish(call, name)
    progress = Progress(call, "Importing")
    with open_source(call.text("from")) as parts:
        wish["region"] = choose_region(call)
        done = import_volume(call.client, app, wish, progress.over(parts), on_progress=lambda _count: None)
    for left in done.get("left_out", ()):
        call.note(f"Left out: {left}", "yellow")
    print_volume(call, dict(done["volume"]), app)


def _wish(call: Call, name: str) -> dict[str, Any]:
    if call.given("fs-type") and call.text("fs-type") not in ("ext4", "raw"):
        raise Invalid(f"filesystem type {call.text('fs-type')!r} is not one of ext4, raw", field="fs-type")
    return {
        "name": name,
        "size_gb": check_volume_size(call.number("size")),
        "encrypted": not call.switch("no-encryption"),
        "require_unique_zone": call.switch("require-unique-zone"),
        "unique_zone_app_wide": call.switch("unique-zone-app-wide"),
        "snapshot_retention": call.number("snapshot-retention"),
        "auto_backup_enabled": call.switch("scheduled-snapshots") if call.given("scheduled-snapshots") else None,
        "fstype": call.text("fs-type") if call.given("fs-type") else None,
    }


COMMAND = verb(
    run,
    usage="import <volume name>",
    examples=("fly volumes import data --from data.tar -a web --region lhr",),
    long=LONG,
    flags=FLAGS,
    count=exactly(1),
)
