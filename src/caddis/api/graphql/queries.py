"""What a document may begin with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import msgspec
from ariadne import InterfaceType

from caddis.api.graphql.apps import (
    Resolver,
    Told,
    find_app,
    get_organization,
    get_organization_by_id,
)
from caddis.api.graphql.apps import list_apps as list_apps_of
from caddis.api.graphql.endpoint import Asked
from caddis.catalog import apps, index
from caddis.catalog.index import Indexed
from caddis.control.placement import default_region
from caddis.domain.app import App
from caddis.domain.errors import Forbidden, Invalid, NotFound
from caddis.domain.ids import check_app_name
from caddis.wire.graphql import (
    app_to_graphql,
    machine_to_graphql,
    nodes,
    organization_to_graphql,
    region_to_graphql,
    user_to_graphql,
    volume_to_graphql,
)

if TYPE_CHECKING:
    from caddis.api.graphql.endpoint import Info

NODE = InterfaceType("Node", lambda value, *_rest: value["__typename"])


async def get_viewer(_root: None, info: Info) -> Told:
    """Whoever holds the token."""
    return user_to_graphql(info.context.call.caller.name)


async def list_organizations(_root: None, info: Info, **_more: Any) -> Told:
    """The one that the token is of."""
    return nodes([organization_to_graphql(info.context.call.caller.organization)])


async def find_organization(_root: None, info: Info, slug: str | None = None, id: str | None = None) -> Told:
    """By its slug or id. Never null without an error: flyctl would crash (facts: flyctl-calls 10)."""
    asked = info.context
    if slug:
        return organization_to_graphql(await get_organization(asked, slug))
    return organization_to_graphql(await get_organization_by_id(asked, id or ""))


async def get_personal_organization(_root: None, info: Info) -> Told:
    """The token's own."""
    return organization_to_graphql(info.context.call.caller.organization)


async def get_app(_root: None, info: Info, name: str | None = None) -> Told:
    """One app."""
    return app_to_graphql(await find_app(info.context, name or ""))


async def list_apps(
    _root: None, info: Info, *, organizationId: str | None = None, role: str | None = None, **page: Any
) -> Told:
    """In pages. No app has a role here, so who asks for one finds none."""
    asked = info.context
    if role:
        return {**nodes([]), "pageInfo": {"hasNextPage": False, "endCursor": None}}
    own = asked.call.caller.organization
    organization = await get_organization_by_id(asked, organizationId) if organizationId else own
    return await list_apps_of(asked, organization, first=page.get("first"), after=page.get("after"))


async def is_name_available(_root: None, info: Info, name: str) -> bool:
    """Whether an app of that name could be created."""
    try:
        check_app_name(name)
    except Invalid:
        return False
    return await info.context.call.control.read(apps.find_app, name) is None


async def get_platform(_root: None, info: Info) -> Told:
    """The regions in which there are hosts."""
    hosts = await info.context.call.control.list_hosts()
    codes = sorted({host.region for host in hosts})
    nearest = default_region(hosts) if hosts else None
    return {"requestRegion": nearest, "regions": [region_to_graphql(code) for code in codes]}


async def get_nearest_region(_root: None, info: Info, **_more: Any) -> Told:
    """Where things go that name no region."""
    hosts = await info.context.call.control.list_hosts()
    if not hosts:
        raise NotFound("there is no host yet, and so no region", hint="caddis up")
    return region_to_graphql(default_region(hosts))


async def get_machine(_root: None, info: Info, machineId: str) -> Told:
    """By its id alone, with its app. Never null without an error."""
    asked = info.context
    found, app = await _reached(asked, await asked.call.control.read(index.find_machine, machineId), machineId)
    return machine_to_graphql(msgspec.json.decode(found.body), app=app, host=found.host)


async def get_volume(_root: None, info: Info, id: str) -> Told:
    """By its id alone, with its app. Never null without an error."""
    asked = info.context
    found, app = await _reached(asked, await asked.call.control.read(index.find_volume, id), id)
    return volume_to_graphql(msgspec.json.decode(found.body), app=app)


async def get_node(_root: None, info: Info, id: str) -> Told:
    """A volume or a machine by its id."""
    if id.startswith("vol_"):
        return {**await get_volume(None, info, id), "__typename": "Volume"}
    return {**await get_machine(None, info, id), "__typename": "Machine"}


async def no_newer_image(_root: None, _info: Info, image: str, **_more: Any) -> None:
    """Nobody here knows of newer versions; flyctl takes exactly this text as "there is none to tell of"."""
    raise NotFound(f"Unknown repository {image!r}")


async def _reached(asked: Asked, found: Indexed | None, id: str) -> tuple[Indexed, App]:
    """What the token does not reach is answered like what is not there."""
    if found is not None:
        try:
            return found, await asked.call.app(found.app)
        except (Forbidden, NotFound):
            pass
    kind = "Volume" if id.startswith("vol_") else "Machine"
    raise NotFound(f"Could not find {kind} {id!r}")


QUERIES: Mapping[str, Resolver] = {
    "viewer": get_viewer,
    "organizations": list_organizations,
    "organization": find_organization,
    "personalOrganization": get_personal_organization,
    "app": get_app,
    "apps": list_apps,
    "appNameAvailable": is_name_available,
    "platform": get_platform,
    "nearestRegion": get_nearest_region,
    "machine": get_machine,
    "volume": get_volume,
    "node": get_node,
    "latestImageDetails": no_newer_image,
}
