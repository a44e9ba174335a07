"""Files that come and go as streams: those of a snapshot, a volume's export, and an import."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from typing import Any

import httpx2
import msgspec

from caddis.control.core import Control
from caddis.control.doors import NotDelivered
from caddis.control.orders import Answer, Order, Query
from caddis.control.volumes import create_volume, find_snapshot, find_volume
from caddis.domain.errors import Problem, Unreachable
from caddis.domain.host import Host
from caddis.wire.problem import problem_from_wire

SILENCE_SECONDS = 900.0  # the longest that a host may say nothing, or not read on: an image may be made first
_LONGEST_LINE = 1 << 16
_TOLD = ("caddis-size", "caddis-mode", "caddis-volume-name")


@dataclass(frozen=True, slots=True)
class Stream:
    """What a host sends, and the headers that tell of it."""

    parts: AsyncIterator[bytes]
    content_type: str
    headers: Mapping[str, str]


@asynccontextmanager
async def open_files(control: Control, app: str, snapshot_id: str, query: Query) -> AsyncIterator[Stream]:
    """Of a snapshot: a listing, a file or a folder, as the query says."""
    found = await find_snapshot(control, app, snapshot_id)
    order = _order("GET", f"/snapshots/{snapshot_id}/files", app, query=query)
    async with open_stream(control, await control.get_host(found.host), order) as stream:
        yield stream


@asynccontextmanager
async def open_export(control: Control, app: str, volume_id: str, query: Query) -> AsyncIterator[Stream]:
    """All of a volume."""
    found = await find_volume(control, app, volume_id)
    order = _order("GET", f"/volumes/{volume_id}/export", app, query=query)
    async with open_stream(control, await control.get_host(found.host), order) as stream:
        yield stream


async def begin_import(control: Control, app: str, document: Mapping[str, Any], *, user: str) -> Answer:
    """A new volume that waits for its content, on the best host that has room; or what a host complains of."""
    return await create_volume(control, app, document, user=user, path="/imports")


@asynccontextmanager
async def send_import(
    control: Control, app: str, volume_id: str, content: AsyncIterator[bytes]
) -> AsyncIterator[Stream]:
    """The host's lines about the import; when they end, the index knows how that ended."""
    host = await control.get_host((await find_volume(control, app, volume_id)).host)
    async with open_stream(control, host, _order("PUT", f"/imports/{volume_id}", app), content) as stream:
        yield Stream(_settled(control, host, stream.parts), stream.content_type, stream.headers)


async def _settled(control: Control, host: Host, parts: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    last = b""
    async for part in parts:
        last = (last + part)[-_LONGEST_LINE:]
        yield part
    line = last.rstrip(b"\n").rpartition(b"\n")[2]
    with suppress(msgspec.DecodeError):
        sequence = int(msgspec.json.decode(line).get("sequence", 0))
        await control.settle(host, Answer(status=200, body=b"", sequence=sequence))


def _order(method: str, path: str, app: str, *, query: Query = ()) -> Order:
    query = tuple((key, value) for key, value in query if key != "app")
    return Order(method=method, path=path, app=app, query=query)


@asynccontextmanager
async def open_stream(
    control: Control, host: Host, order: Order, content: AsyncIterator[bytes] | None = None
) -> AsyncIterator[Stream]:
    """The host's answer; the Problem that it tells of in place of one."""
    order = replace(order, seconds=SILENCE_SECONDS)
    try:
        async with control.doors.stream(host, order, content) as response:
            if response.status_code >= 400:
                raise problem_from_wire(response.status_code, await response.aread())
            yield Stream(_parts(response, host), response.headers["content-type"], _told(response))
    except NotDelivered as problem:
        raise Unreachable(str(problem), hint="is its agent running?") from problem


async def _parts(response: httpx2.Response, host: Host) -> AsyncIterator[bytes]:
    try:
        async for part in response.aiter_raw():
            yield part
    except httpx2.HTTPError as broken:
        raise Problem(f"host {host.id} broke off in the middle ({broken})") from broken


def _told(response: httpx2.Response) -> dict[str, str]:
    return {name: response.headers[name] for name in _TOLD if name in response.headers}
