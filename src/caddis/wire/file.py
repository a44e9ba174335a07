"""Names and listings of files. JSON is text and file names are bytes: what is not UTF-8 in them is spelled `\\xNN`.

A backslash is spelled twice, so that every name has one spelling and comes back as it was.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

from caddis.domain.files import FileInfo, Listing
from caddis.wire.time import time_to_wire

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_ESCAPE = re.compile(rb"\\(\\|x[0-9a-fA-F]{2})")


def name_to_wire(name: bytes) -> str:
    """The spelling of a name or path."""
    return name.replace(b"\\", b"\\\\").decode(errors="backslashreplace")


def name_from_wire(text: str) -> bytes:
    """The name or path that is meant; a backslash that begins neither of the two spellings is one."""

    def meant(match: re.Match[bytes]) -> bytes:
        return b"\\" if match[1] == b"\\" else bytes([int(match[1][1:], 16)])

    return _ESCAPE.sub(meant, text.encode(errors="surrogateescape"))


def listing_to_wire(listing: Listing, path: str) -> dict[str, Any]:
    """`type` is directory or file; a file's listing has one entry, itself."""
    return {
        "path": path,
        "type": "directory" if listing.folder else "file",
        "entries": [_entry(entry) for entry in listing.entries],
        "truncated": listing.more,
    }


def _entry(info: FileInfo) -> dict[str, Any]:
    return {
        "name": name_to_wire(info.name),
        "type": info.type,
        "size": info.size,
        "mode": f"{info.mode:04o}",
        "uid": info.uid,
        "gid": info.gid,
        "mtime": time_to_wire(_EPOCH + timedelta(microseconds=info.mtime_ns // 1000)),
        "target": name_to_wire(info.target),
    }
