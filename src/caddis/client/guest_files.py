"""Files of running machines."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import AbstractContextManager

from caddis.client.apps import app_path
from caddis.client.request import Query, Request, get, segment
from caddis.client.transport import Client, Download

SILENCE_SECONDS = 900.0


def list_guest_files(app: str, machine: str, path: str) -> Request:
    """What a folder holds, or the one file; `path` as wire/file.py spells it."""
    return get(_path(app, machine), query=(("path", path),))


def read_guest_files(
    client: Client, app: str, machine: str, path: str, *, wanted: str
) -> AbstractContextManager[Download]:
    """`wanted`: the content of a file, a folder as a tar, or the names below it, each ended by a zero byte."""
    return client.download(_path(app, machine), (("path", path), ("as", wanted)), deadline=SILENCE_SECONDS)


def put_guest_file(client: Client, app: str, machine: str, query: Query, *, content: Iterable[bytes]) -> None:
    """A new file with that content; `query` has path, mode and user. It is there, whole and on disk, or not at all."""
    client.put(_path(app, machine), query, content, deadline=SILENCE_SECONDS)


def _path(app: str, machine: str) -> str:
    return f"{app_path(app)}/machines/{segment(machine)}/files"
