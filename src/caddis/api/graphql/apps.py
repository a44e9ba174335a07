"""What of an app or an organization takes a look elsewhere."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from caddis.api.graphql.endpoint import Asked
from caddis.catalog import apps, index, organizations, releases, tokens
from caddis.control.builds import ensure_image
from caddis.control.shown import is_silent, show
from caddis.domain.app import App, Organization
from caddis.domain.errors import NotFound
from caddis.domain.image import check_reference, parse_reference
from caddis.domain.release import Release
from caddis.wire.body import document_to_body
from caddis.wire.graphql import (
    app_to_graphql,
    image_to_graphql,
    machine_to_graphql,
    nodes,
    release_to_graphql,
    token_to_graphql,
    user_to_graphql,
)
from caddis.wire.time import time_to_wire

if TYPE_CHECKING:
    from caddis.api.graphql.endpoint import Info

Told = Mapping[str, Any]
Resolver = Callable[..., Awaitable[Any]]
_SOME, _MOST = 25, 200


async def find_app(asked: Asked, name: str) -> App:
    """The app, if the token reaches it; NotFound in the words that flyctl looks for (facts: flyctl-calls 1.5)."""
    try:
        return await asked.call.app(name)
    except NotFound as absent:
        raise NotFound(f"Could not find App {name!r}", hint=absent.hint) from absent


async def _app(told: Told, info: Info) -> App:
    return await find_app(info.context, told["name"])


async def _releases(app: App, asked: Asked, *, limit: int, complete: bool = False) -> list[Release]:
    found = await asked.call.control.read(releases.list_releases, app.id, limit=_MOST if complete else limit)
    kept = [one for one in found if not complete or one.status == releases.COMPLETE][:limit]
    asked.spend(len(kept))
    return kept


async def list_releases(told: Told, info: Info, first: int | None = None, **_more: Any) -> Told:
    """Newest first. flyctl sends a `status` that its document does not declare; it is meant all the same."""
    asked = info.context
    limit = max(1, min(first or _SOME, _MOST))
    complete = asked.variables.get("status") == releases.COMPLETE
    found = await _releases(await _app(told, info), asked, limit=limit, complete=complete)
    return nodes(release_to_graphql(one) for one in found)


async def find_current_release(told: Told, info: Info) -> Told | None:
    """The newest that completed."""
    app = await _app(told, info)
    found = await info.context.call.control.read(releases.find_current_release, app.id)
    return release_to_graphql(found) if found else None


async def find_version(told: Told, info: Info) -> int:
    """Of the newest release, 0 before the first."""
    found = await _releases(await _app(told, info), info.context, limit=1)
    return found[0].version if found else 0


async def get_config(told: Told, info: Info) -> Told:
    """The current release's definition, {} before the first."""
    release = await find_current_release(told, info)
    return {"definition": release["configDefinition"] if release else {}}


async def list_machines(told: Told, info: Info, **_more: Any) -> Told:
    """From the index."""
    asked, app = info.context, await _app(told, info)
    found = await asked.call.control.read(index.list_machines, app.name)
    asked.spend(len(found))
    now = asked.call.control.now()
    machines = []
    for one in found:
        shown = show(one, silent=is_silent(one, now))
        machine = msgspec.json.decode(shown) if isinstance(shown, msgspec.Raw) else shown
        machines.append(machine_to_graphql(machine, app=app, host=one.host))
    return {**nodes(machines), "totalCount": len(machines)}


async def resolve_image(told: Told, info: Info, ref: str) -> Told:
    """Fetched by a host, so that it is known to be there; pinned to the digest where its kind of reference can be."""
    asked, app = info.context, await _app(told, info)
    asked.check_may_write()
    image = check_reference(ref)
    answer = await ensure_image(
        asked.call.control, app.name, document_to_body({"image": image}), user=asked.call.caller.name
    )
    if answer.problem is not None:
        raise answer.problem
    digest = str(answer.document.get("digest") or "")
    return image_to_graphql(image, digest or parse_reference(image).digest)


async def list_organization_members(told: Told, info: Info, **_more: Any) -> Told:
    """The one that asks: there are tokens here, and no accounts."""
    caller = info.context.call.caller
    member = {
        "cursor": "1",
        "node": user_to_graphql(caller.name),
        "joinedAt": time_to_wire(info.context.call.control.now()),
        "role": told["viewerRole"],
    }
    return {"edges": [member]}


async def get_organization(asked: Asked, slug: str) -> Organization:
    """By its slug, if the token is of it. Tokens for one app may ask too: deploying does."""
    own = asked.call.caller.organization
    return own if slug == own.slug else await asked.call.organization(slug)


async def get_organization_by_id(asked: Asked, id: str) -> Organization:
    """As `get_organization`."""
    for one in await asked.call.control.read(organizations.list_organizations):
        if str(one.id) == id:
            return await get_organization(asked, one.slug)
    raise NotFound(f"Could not find Organization {id!r}", hint="fly orgs list")


async def list_apps(asked: Asked, organization: Organization, *, first: int | None, after: str | None) -> Told:
    """By name, in pages; `after` is the name of the last that was seen."""
    if asked.call.caller.app is not None:
        found = [await find_app(asked, asked.call.caller.app)]
    else:
        found = await asked.call.control.read(apps.list_apps, organization.id)
    limit = max(1, min(first or _MOST, _MOST))
    rest = [app for app in found if app.name > (after or "")]
    page = rest[:limit]
    asked.spend(len(page))
    more = len(rest) > len(page)
    cursor = page[-1].name if page else None
    return {**nodes(app_to_graphql(app) for app in page), "pageInfo": {"hasNextPage": more, "endCursor": cursor}}


async def list_app_tokens(told: Told, info: Info, **_more: Any) -> Told:
    """Those for the app; none for who may not make any."""
    return await _tokens(info.context, (await _app(told, info)).id)


async def list_organization_tokens(_told: Told, info: Info, **_more: Any) -> Told:
    """Those for all of the caller's organization; none for who may not make any."""
    return await _tokens(info.context, None)


async def _tokens(asked: Asked, app_id: int | None) -> Told:
    caller = asked.call.caller
    if caller.app is not None or caller.read_only:
        return nodes([])
    found = await asked.call.control.read(tokens.list_tokens, caller.organization.id, app_id)
    asked.spend(len(found))
    return nodes(token_to_graphql(one) for one in found)


async def no_role(_told: Told, _info: Info) -> None:
    """No app has a role here."""


async def no_regions(_told: Told, _info: Info) -> list[Told]:
    """Regions belong to machines, not to apps."""
    return []


APP: Mapping[str, Resolver] = {
    "version": find_version,
    "config": get_config,
    "currentRelease": find_current_release,
    "currentReleaseUnprocessed": find_current_release,
    "releases": list_releases,
    "releasesUnprocessed": list_releases,
    "machines": list_machines,
    "image": resolve_image,
    "role": no_role,
    "regions": no_regions,
    "limitedAccessTokens": list_app_tokens,
}
ORGANIZATION: Mapping[str, Resolver] = {
    "members": list_organization_members,
    "limitedAccessTokens": list_organization_tokens,
}
