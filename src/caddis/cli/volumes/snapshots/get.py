"""`fly volumes snapshots get <snapshot id> <path> [local]`: a file or folder of a snapshot, saved here."""

from __future__ import annotations

import os

from caddis.cli.call import Call
from caddis.cli.flags import APP_FLAGS, switch
from caddis.cli.saving import Progress, check_free, choose_local, saved, saved_folder
from caddis.cli.verb import verb
from caddis.client.files import list_files, read_file, read_folder
from caddis.wire.file import name_to_wire


def run(call: Call) -> None:
    """Under its own name, or the one that is given; a partial file or folder never has that name."""
    app, snapshot, path = call.app(), call.arguments[0], call.arguments[1]
    spelled = name_to_wire(os.fsencode(path))
    listing = call.send(list_files(app, snapshot, spelled))
    local = choose_local(path, call.arguments[2] if len(call.arguments) > 2 else "")
    force = call.switch("force")
    check_free(local, force=force, folder=listing["type"] == "directory")
    progress = Progress(call, "Getting")
    if listing["type"] == "directory":
        with read_folder(call.client, app, snapshot, spelled) as download:
            for name in saved_folder(local, progress.over(download.parts)):
                call.note(f"Left out: {name}", "yellow")
    else:
        with read_file(call.client, app, snapshot, spelled) as download, saved(local, force=force) as file:
            for part in progress.over(download.parts):
                file.write(part)
    call.say(f"{path} of snapshot {snapshot} is in {local}")


def _two_or_three(count: int) -> str:
    return "" if count in (2, 3) else f"accepts 2 or 3 arg(s), received {count}"


COMMAND = verb(
    run,
    usage="get <snapshot id> <path> [local]",
    examples=(
        "fly volumes snapshots get vs_9kz31m4c7x0pq8ab /app.db  # as ./app.db",
        "fly volumes snapshots get vs_9kz31m4c7x0pq8ab /uploads ./old-uploads",
    ),
    flags=(*APP_FLAGS, switch("force", "f", help="Replace a local file of that name")),
    count=_two_or_three,
)
