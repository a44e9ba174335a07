"""Files of a snapshot, and whole volumes on their way out and in."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from typing import Any

from caddis.client.apps import app_path
from caddis.client.request import Query, Request, get, segment
from caddis.client.transport import Client, Download
from caddis.client.volumes import volume_path
from caddis.domain.errors import Problem, problem_from_json

SILENCE_SECONDS = 900.0  # an image may be made, or a tar unpacked, before the next word


def list_files(app: str, snapshot: str, path: str) -> Request:
    """What a folder holds, or the one file; `path` as wire/file.py spells it."""
    return get(_files_path(app, snapshot), query=(("path", path),))


def read_file(client: Client, app: str, snapshot: str, path: str) -> AbstractContextManager[Download]:
    """The content of one file."""
    query = (("path", path), ("as", "content"))
    return client.download(_files_path(app, snapshot), query, deadline=SILENCE_SECONDS)


def read_folder(client: Client, app: str, snapshot: str, path: str) -> AbstractContextManager[Download]:
    """A folder as a tar."""
    query = (("path", path), ("as", "tar"))
    return client.download(_files_path(app, snapshot), query, deadline=SILENCE_SECONDS)


def export_volume(client: Client, app: str, volume: str, format: str) -> AbstractContextManager[Download]:
    """All of it as one zstd stream; `format` is tar or image."""
    return client.download(f"{volume_path(app, volume)}/export", (("format", format),), deadline=SILENCE_SECONDS)


def import_volume(
    client: Client,
    app: str,
    wish: Mapping[str, Any],
    content: Iterable[bytes],
    *,
    on_progress: Callable[[int], None],
) -> Mapping[str, Any]:
    """The last line: `volume` and what was `left_out` of it. The Problem for which there is none."""
    query: Query = tuple((key, _text(value)) for key, value in wish.items() if value is not None)
    last: Mapping[str, Any] = {}
    lines = client.upload(f"{app_path(app)}/volumes/import", query, content, deadline=SILENCE_SECONDS)
    for line in _documents(lines):
        last = line
        if "received" in line:
            on_progress(int(line["received"]))
    if "error" in last:
        raise problem_from_json({**last, "message": last["error"]})
    if "volume" not in last:
        raise Problem("the import broke off: its volume is undone", hint="fly volumes list shows what is there")
    return last


def _documents(lines: Iterator[str]) -> Iterator[Mapping[str, Any]]:
    return (json.loads(line) for line in lines if line.strip())


def _files_path(app: str, snapshot: str) -> str:
    return f"{app_path(app)}/snapshots/{segment(snapshot)}/files"


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
