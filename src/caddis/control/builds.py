"""Images: handing a build to a host (the context goes there as a stream, its lines come back as one), and fetching."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from caddis.control.core import Control
from caddis.control.doors import NotDelivered
from caddis.control.orders import CHANGE_SECONDS, Answer, Order, Query
from caddis.domain.errors import Unreachable
from caddis.domain.host import Host
from caddis.wire.problem import problem_from_wire

SILENCE_SECONDS = 900.0  # the longest that a build may say nothing: a compiler at work


@asynccontextmanager
async def build(
    control: Control, app: str, *, query: Query, context: AsyncIterator[bytes], user: str
) -> AsyncIterator[AsyncIterator[bytes]]:
    """The build's output as it comes; `context` is a tar. Raises what the host complains of before it begins."""
    order = Order(method="POST", path="/builds", app=app, query=query, user=user, seconds=SILENCE_SECONDS)
    try:
        async with control.doors.stream(await _choose_host(control, app), order, context) as response:
            if response.status_code >= 400:
                raise problem_from_wire(response.status_code, await response.aread())
            yield response.aiter_raw()
    except NotDelivered as problem:
        raise Unreachable(str(problem), hint="is its agent running?") from problem


async def ensure_image(control: Control, app: str, body: bytes | None, *, user: str) -> Answer:
    """Fetched and unpacked where machines find it; or the host's complaint when there is no such image."""
    order = Order(method="POST", path="/images", app=app, body=body, user=user, seconds=CHANGE_SECONDS)
    return await control.doors.send(await _choose_host(control, app), order)


async def _choose_host(control: Control, app: str) -> Host:
    """Any host does while all share one computer's images; `list_hosts` begins with those that answer."""
    hosts = await control.list_hosts()
    if not hosts:
        raise Unreachable(f"there is no host yet that could build an image for {app}", hint="caddis up")
    return hosts[0]
