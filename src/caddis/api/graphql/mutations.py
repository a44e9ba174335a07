"""What older releases of flyctl change through GraphQL; newer ones use REST for the same."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from caddis.api.access import check_owner
from caddis.api.endpoints.tokens import make, revoke
from caddis.api.graphql.apps import Resolver, Told, find_app, get_organization_by_id
from caddis.api.graphql.endpoint import Asked
from caddis.catalog import apps, releases
from caddis.control.apps import destroy_app
from caddis.control.kept_images import keep_images
from caddis.domain.errors import Invalid
from caddis.domain.ids import ulid
from caddis.wire.app import app_request_from_wire
from caddis.wire.graphql import (
    app_to_graphql,
    made_token_to_graphql,
    organization_to_graphql,
    release_to_graphql,
    token_request_from_graphql,
)
from caddis.wire.release import release_patch_from_wire, release_request_from_wire

if TYPE_CHECKING:
    from caddis.api.graphql.endpoint import Info


async def create_app(_root: None, info: Info, input: Told) -> Told:
    """A new name."""
    asked = _writer(info)
    check_owner(asked.call.caller)
    if input.get("appRoleId"):
        raise Invalid("apps have no roles here: images are built by the hosts", field="appRoleId")
    request = app_request_from_wire({"name": input.get("name"), "network": input.get("network")})
    organization = await get_organization_by_id(asked, input["organizationId"])
    control = asked.call.control
    network = request.network or "default"
    app = await control.write(apps.create_app, request.name, organization, network=network, now=control.now())
    return _payload(input, app=app_to_graphql(app))


async def delete_app(_root: None, info: Info, appId: str) -> Told:
    """With all that it has."""
    asked = _writer(info)
    check_owner(asked.call.caller)
    app = await find_app(asked, appId)
    await destroy_app(asked.call.control, app, user=asked.call.caller.name)
    return {"organization": organization_to_graphql(app.organization)}


async def create_release(_root: None, info: Info, input: Told) -> Told:
    """The next one of its app."""
    asked = _writer(info)
    control = asked.call.control
    request = release_request_from_wire({**input, "app_name": input["appId"], "build_id": None})
    app = await find_app(asked, request.app_name)
    now = control.now()
    new = releases.NewRelease(
        id=ulid(int(now.timestamp() * 1000), control.id_bytes()),
        image=request.image,
        definition=request.definition,
        strategy=request.strategy,
        user=asked.call.caller.name,
    )
    return _payload(input, release=release_to_graphql(await control.write(releases.create_release, app, new, now=now)))


async def update_release(_root: None, info: Info, input: Told) -> Told:
    """How it went on."""
    asked = _writer(info)
    control = asked.call.control
    patch = release_patch_from_wire(input)
    release = await control.read(releases.get_release, input["releaseId"])
    app = await find_app(asked, release.app)
    patched = await control.write(releases.set_status, release.id, patch.status)
    if patched.status == releases.COMPLETE:
        await keep_images(control, app)
    return _payload(input, release=release_to_graphql(patched))


async def create_token(_root: None, info: Info, input: Told) -> Told:
    """For an app, or for all of the organization."""
    asked = _writer(info)
    check_owner(asked.call.caller)
    organization = await get_organization_by_id(asked, input["organizationId"])
    made = await make(asked.call, token_request_from_graphql(input, organization))
    return _payload(input, limitedAccessToken=made_token_to_graphql(made))


async def delete_token(_root: None, info: Info, input: Told) -> Told:
    """It ends at once."""
    asked = _writer(info)
    check_owner(asked.call.caller)
    await revoke(asked.call, input["id"])
    return _payload(input)


def _writer(info: Info) -> Asked:
    asked = info.context
    asked.check_may_write()
    return asked


def _payload(input: Told, **made: Any) -> Told:
    return {"clientMutationId": input.get("clientMutationId"), **made}


MUTATIONS: Mapping[str, Resolver] = {
    "createApp": create_app,
    "deleteApp": delete_app,
    "createRelease": create_release,
    "createLimitedAccessToken": create_token,
    "deleteLimitedAccessToken": delete_token,
    "updateRelease": update_release,
}
