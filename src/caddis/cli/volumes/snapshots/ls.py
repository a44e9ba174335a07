"""`fly volumes snapshots ls <snapshot id> [path]`: files in a snapshot. With a volume's id, `list`, as in flyctl."""

from __future__ import annotations

import os
from typing import Any

from caddis.cli.call import Call
from caddis.cli.flags import APP_FLAGS, JSON
from caddis.cli.tables import as_json, table
from caddis.cli.verb import verb
from caddis.cli.volumes.snapshots import list as snapshots_list
from caddis.client.files import list_files
from caddis.domain.sizes import format_bytes
from caddis.wire.file import name_to_wire
from caddis.wire.time import time_from_wire

_HEADER = ("Mode", "Owner", "Size", "Modified", "Name")
_LETTERS = {"directory": "d", "symlink": "l", "pipe": "p", "socket": "s", "character device": "c", "block device": "b"}


def run(call: Call) -> None:
    """A folder's entries in order of name, or one file."""
    if not call.arguments[0].startswith("vs_"):
        snapshots_list.run(call)
        return
    path = call.arguments[1] if len(call.arguments) > 1 else "/"
    listing = call.send(list_files(call.app(), call.arguments[0], name_to_wire(os.fsencode(path))))
    if call.json:
        call.say(as_json(listing), end="")
        return
    if not listing["entries"]:
        call.note(f"{path} is empty")
        return
    call.say(table(_HEADER, [_row(entry) for entry in listing["entries"]], right=(2,)), end="")
    if listing["truncated"]:
        call.note(f"There is more: only the first {len(listing['entries'])} are shown.", "yellow")


def _row(entry: dict[str, Any]) -> list[str]:
    arrow = f" -> {_plain(entry['target'])}" if entry["target"] else ""
    return [
        _LETTERS.get(entry["type"], "-") + entry["mode"],
        f"{entry['uid']}:{entry['gid']}",
        format_bytes(entry["size"]) if entry["type"] == "file" else "",
        time_from_wire(entry["mtime"]).strftime("%Y-%m-%d %H:%M:%S"),
        _plain(entry["name"]) + arrow,
    ]


def _plain(name: str) -> str:
    """Without what a terminal would obey."""
    return "".join(letter if letter.isprintable() else letter.encode("unicode_escape").decode() for letter in name)


def _one_or_two(count: int) -> str:
    return "" if count in (1, 2) else f"accepts 1 or 2 arg(s), received {count}"


COMMAND = verb(
    run,
    usage="ls <snapshot id> [path]",
    examples=(
        "fly volumes snapshots ls vs_9kz31m4c7x0pq8ab  # the top of the volume",
        "fly volumes snapshots ls vs_9kz31m4c7x0pq8ab /uploads",
    ),
    flags=(*APP_FLAGS, JSON),
    count=_one_or_two,
)
