"""Organizations, and lists over all of their apps (facts: machines-api 8, flyctl-calls 1.7)."""

from __future__ import annotations

from typing import Any

import msgspec
from starlette.responses import Response

from caddis.api.call import Call, reply
from caddis.catalog import index
from caddis.catalog.index import Indexed
from caddis.control.shown import is_silent, show
from caddis.domain.errors import Forbidden, NotFound
from caddis.wire.app import organization_to_wire, organizations_to_wire

_SOME, _MOST = 100, 1000
_MACHINE_FIELDS = ("id", "name", "state", "region", "version", "private_ip", "created_at", "updated_at")
_CONFIG_FIELDS = ("image", "guest", "metadata")


async def list_organizations(call: Call) -> Response:
    """The one that the token is of."""
    return reply(organizations_to_wire([call.caller.organization]))


async def get_organization(call: Call) -> Response:
    """By its slug. Tokens for one app may ask too: `deploy` does."""
    slug = call.path("slug")
    if slug != call.caller.organization.slug:
        if call.caller.app is not None:
            raise Forbidden(f"this token does not reach organization {slug}")
        await call.organization(slug)
        raise NotFound(f"organization {slug!r} not found")
    return reply(organization_to_wire(call.caller.organization))


async def list_machines(call: Call) -> Response:
    """Of all apps, short."""
    found, cursor = await _page(call, "machine")
    told = [_summarize(one, _decode(call, one)) for one in found]
    updated = max((str(one["updated_at"] or "") for one in told), default="")
    return reply(
        {
            "machines": told,
            "next_cursor": cursor,
            "last_machine_id": found[-1].id if found else "",
            "last_updated_at": updated,
            "error_regions": [],
        }
    )


async def list_volumes(call: Call) -> Response:
    """Of all apps."""
    found, cursor = await _page(call, "volume")
    told = [{**_decode(call, one), "app_name": one.app} for one in found]
    return reply({"volumes": told, "next_cursor": cursor, "last_volume_id": found[-1].id if found else ""})


async def find_volume(call: Call) -> Response:
    """A volume by its id alone, with the app it belongs to: as flyctl asks GraphQL where it was told no app.

    A volume that the token does not reach is answered like one that is not there; one that is gone and has left
    snapshots, by little more than its app.
    """
    wanted = call.path("id")
    found = await call.control.read(index.find_volume, wanted)
    if found is not None and await _reaches(call, found.app):
        return reply({**_decode(call, found), "app_name": found.app})
    for snapshot in await call.control.read(index.list_snapshots, wanted):
        if await _reaches(call, snapshot.app):
            return reply({"id": wanted, "name": snapshot.name, "state": index.DESTROYED, "app_name": snapshot.app})
    raise NotFound(f"volume not found: there is no volume {wanted}", hint="fly volumes list -a APP")


async def find_machine(call: Call) -> Response:
    """A machine by its id alone, with the app it belongs to; one that the token does not reach is not there."""
    wanted = call.path("id")
    found = await call.control.read(index.find_machine, wanted)
    if found is None or found.state == index.DESTROYED or not await _reaches(call, found.app):
        raise NotFound(f"machine not found: there is no machine {wanted}", hint="fly machine list -a APP")
    return reply({**_decode(call, found), "app_name": found.app})


async def _reaches(call: Call, app: str) -> bool:
    try:
        await call.app(app)
    except (Forbidden, NotFound):
        return False
    return True


async def _page(call: Call, kind: str) -> tuple[list[Indexed], str]:
    organization = await call.organization(call.path("slug"))
    page = index.Page(
        limit=call.count("limit", _SOME, most=_MOST),
        after=call.option("cursor"),
        states=[state for state in call.option("state").split(",") if state],
        region=call.option("region"),
        include_destroyed=call.flag("include_deleted"),
    )
    found = await call.control.read(index.list_organization, kind, organization.id, page)
    return found, found[-1].id if len(found) == page.limit else ""


def _decode(call: Call, indexed: Indexed) -> dict[str, Any]:
    shown = show(indexed, silent=is_silent(indexed, call.control.now()))
    return msgspec.json.decode(shown, type=dict[str, Any]) if isinstance(shown, msgspec.Raw) else dict(shown)


def _summarize(indexed: Indexed, machine: dict[str, Any]) -> dict[str, Any]:
    config = machine.get("config") or {}
    return {
        **{name: machine.get(name) for name in _MACHINE_FIELDS},
        "app_name": indexed.app,
        "config": {name: config.get(name) for name in _CONFIG_FIELDS},
    }
