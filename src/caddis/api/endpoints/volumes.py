"""Volumes (facts: machines-api 5)."""

from __future__ import annotations

from starlette.responses import Response

from caddis.api.call import Call, passed_on, reply
from caddis.control import snapshots, volumes
from caddis.control.orders import Passage


async def list_volumes(call: Call) -> Response:
    """From the index."""
    app = await call.app()
    return reply(await volumes.list_volumes(call.control, app.name))


async def create_volume(call: Call) -> Response:
    """Placed by control."""
    app = await call.app()
    document = await call.document()
    return passed_on(await volumes.create_volume(call.control, app.name, document, user=call.caller.name))


async def get_volume(call: Call) -> Response:
    """As its host sees it."""
    app = await call.app()
    return passed_on(await volumes.get_volume(call.control, app.name, call.path("id")))


async def update_volume(call: Call) -> Response:
    """Its snapshot settings. PUT; POST is how older clients say it."""
    app = await call.app()
    body = await call.checked_body()
    return await _change(call, app.name, "PUT", body=body)


async def delete_volume(call: Call) -> Response:
    """Softly: `restore_volume` undoes it. With `?erase=true` for good, at once."""
    app = await call.app()
    passage = Passage(method="DELETE", query=call.query, user=call.caller.name)
    return passed_on(await volumes.change_volume(call.control, app.name, call.path("id"), passage))


async def restore_volume(call: Call) -> Response:
    """Undo of a delete, for as long as the volume is pending_destroy."""
    app = await call.app()
    return await _change(call, app.name, "POST", verb="/restore")


async def _change(call: Call, app: str, method: str, *, verb: str = "", body: bytes | None = None) -> Response:
    passage = Passage(method=method, verb=verb, body=body, user=call.caller.name)
    return passed_on(await volumes.change_volume(call.control, app, call.path("id"), passage))


async def extend_volume(call: Call) -> Response:
    """More space, while its machine runs; the answer says whether that must be restarted to see it."""
    app = await call.app()
    body = await call.checked_body()
    return await _change(call, app.name, "PUT", verb="/extend", body=body)


async def list_snapshots(call: Call) -> Response:
    """From the index; also those of a volume that is gone."""
    app = await call.app()
    return reply(await snapshots.list_snapshots(call.control, app.name, call.path("id")))


async def create_snapshot(call: Call) -> Response:
    """Begun when this answers; its status tells when it is there."""
    app = await call.app()
    return await _change(call, app.name, "POST", verb="/snapshots")
