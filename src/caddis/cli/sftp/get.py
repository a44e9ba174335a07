"""`fly sftp get <remote path> [local path]` (facts: cli-deploy-launch 9)."""

from __future__ import annotations

import os

from caddis.cli.call import Call
from caddis.cli.flags import switch
from caddis.cli.saving import Progress, check_free, choose_local, saved, saved_folder
from caddis.cli.started import WHERE_FLAGS, started_machine
from caddis.cli.verb import verb
from caddis.client.guest_files import list_guest_files, read_guest_files
from caddis.domain.errors import Invalid
from caddis.domain.sizes import format_bytes
from caddis.wire.file import name_to_wire


def run(call: Call) -> None:
    """Under its own name, or the one that is given; a partial file or folder never has that name."""
    app, path = call.app(), call.arguments[0]
    local = choose_local(path, call.arguments[1] if len(call.arguments) > 1 else "")
    check_free(local, force=False, folder=True)
    machine = str(started_machine(call, app)["id"])
    spelled = name_to_wire(os.fsencode(path))
    listing = call.send(list_guest_files(app, machine, spelled))
    progress = Progress(call, "Getting")
    if listing["type"] == "directory":
        if not call.switch("recursive"):
            raise Invalid(f"{path} is a folder", hint=f"fly sftp get -R {path} gets it with all that is in it")
        with read_guest_files(call.client, app, machine, spelled, wanted="tar") as download:
            for name in saved_folder(local, progress.over(download.parts)):
                call.note(f"Left out: {name}", "yellow")
    else:
        with (
            read_guest_files(call.client, app, machine, spelled, wanted="content") as download,
            saved(local, force=False, mode=int(listing["entries"][0]["mode"], 8) & 0o777) as file,
        ):
            for part in progress.over(download.parts):
                file.write(part)
    call.say(f"{path} of machine {machine} is in {local} ({format_bytes(progress.count)})")


def _one_or_two(count: int) -> str:
    return "" if count in (1, 2) else f"accepts between 1 and 2 arg(s), received {count}"


COMMAND = verb(
    run,
    usage="get <remote path> [local path]",
    examples=(
        "fly sftp get /data/app.db -a web  # ./app.db, which must not be there yet",
        "fly sftp get -R /data/uploads backup -a web  # a folder with all that is in it",
    ),
    flags=(switch("recursive", "R", help="Get a folder with all that is in it"), *WHERE_FLAGS),
    count=_one_or_two,
)
