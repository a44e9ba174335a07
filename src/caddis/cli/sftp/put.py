"""`fly sftp put <local path> [remote path]` (facts: cli-deploy-launch 9)."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from caddis.cli.call import Call
from caddis.cli.flags import text
from caddis.cli.saving import Progress
from caddis.cli.started import WHERE_FLAGS, started_machine
from caddis.cli.verb import verb
from caddis.client.guest_files import put_guest_file
from caddis.domain.errors import Invalid, NotFound
from caddis.domain.sizes import format_bytes
from caddis.wire.file import name_to_wire

_STEP = 1 << 20


def run(call: Call) -> None:
    """It is there once it is whole; nothing that is there already is replaced."""
    local, remote = Path(call.arguments[0]), call.arguments[1] if len(call.arguments) > 1 else ""
    if not local.exists():
        raise NotFound(f"there is no file {local}")
    if not local.is_file():
        hint = "tar c -C FOLDER . | fly ssh console -C 'tar x -C /data'"
        raise Invalid(f"{local} is not a file", hint=f"A folder goes as a tar: {hint}")
    if not remote or remote.endswith("/"):
        remote += local.name
    app, mode = call.app(), call.text("mode")
    if not mode or any(digit not in "01234567" for digit in mode) or int(mode, 8) > 0o7777:
        raise Invalid(f"--mode is {mode!r}: write it like 0644")
    machine = str(started_machine(call, app)["id"])
    query = (("path", name_to_wire(os.fsencode(remote))), ("mode", mode), ("user", call.text("user")))
    progress = Progress(call, "Putting")
    put_guest_file(call.client, app, machine, query, content=progress.over(_parts(local)))
    call.say(f"{local} is in {remote} of machine {machine} ({format_bytes(progress.count)})")


def _parts(local: Path) -> Iterator[bytes]:
    with local.open("rb") as file:
        while part := file.read(_STEP):
            yield part


def _one_or_two(count: int) -> str:
    return "" if count in (1, 2) else f"accepts between 1 and 2 arg(s), received {count}"


COMMAND = verb(
    run,
    usage="put <local path> [remote path]",
    examples=(
        "fly sftp put app.db /data/app.db -a web  # it must not be there yet",
        "fly sftp put -m 0600 -u app key.pem /home/app/ -a web  # with a mode and an owner",
    ),
    flags=(
        text("mode", "m", default="0644", help="The mode of the new file"),
        text("user", "u", default="root", help="The user in the machine that it belongs to"),
        *WHERE_FLAGS,
    ),
    count=_one_or_two,
)
