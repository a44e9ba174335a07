"""Tokens. One is shown once, when it is made: the catalog keeps its hash."""

from __future__ import annotations

from datetime import timedelta

from starlette.responses import Response

from caddis.api.access import check_owner
from caddis.api.call import Call, reply
from caddis.catalog import tokens
from caddis.domain.errors import Conflict, NotFound
from caddis.wire.reading import Reader
from caddis.wire.token import TokenRequest, expiry_from_wire, token_request_from_wire, tokens_to_wire


async def list_tokens(call: Call) -> Response:
    """Those of an app (`?app=`), or those for the whole organization; revoked ones are not among them."""
    check_owner(call.caller)
    app = await call.app(call.option("app")) if call.option("app") else None
    found = await call.control.read(tokens.list_tokens, call.caller.organization.id, app.id if app else None)
    return reply(tokens_to_wire(found))


async def create_token(call: Call) -> Response:
    """A body of `kind` (deploy, org or readonly), `app` for a deploy token, and `name` and `expiry` if wanted."""
    return reply(await make(call, token_request_from_wire(await call.document())), 201)


async def create_deploy_token(call: Call) -> Response:
    """As the specification has it: a body of `expiry`, an answer of `token`."""
    app = await call.app()
    seconds = expiry_from_wire(Reader(await call.document()))
    return reply(await make(call, TokenRequest(kind="deploy", name="deploy token", app=app.name, seconds=seconds)))


async def make(call: Call, request: TokenRequest) -> dict[str, object]:
    """A token, which is told this once. Also what GraphQL does."""
    app = await call.app(request.app) if request.app else None
    organization = call.caller.organization
    if request.organization:
        organization = await call.organization(request.organization)
    now = call.control.now()
    ends = now + timedelta(seconds=request.seconds) if request.seconds is not None else None
    token = tokens.make_token(tokens.USER_PREFIX, call.control.entropy(tokens.TOKEN_BYTES))
    reach = tokens.Reach(
        name=request.name,
        organization_id=organization.id,
        app_id=app.id if app else None,
        read_only=request.kind == "readonly",
        created_by=call.caller.name,
    )
    number = await call.control.write(tokens.create_token, token, reach, now=now, expires_at=ends)
    return {"token": token, "id": str(number), "name": request.name}


async def revoke_token(call: Call) -> Response:
    """It ends at once. One that has ended already is no problem; the one that asks would lock its owner out."""
    await revoke(call, call.path("id"))
    return reply({"ok": True})


async def revoke(call: Call, text: str) -> None:
    """End the token of that number. Also what GraphQL does."""
    if text == str(call.caller.token_id):
        raise Conflict(
            "this is the token that asks: it cannot revoke itself",
            hint="make another one, and use that: fly tokens create org",
        )
    number = int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else 0
    organization = call.caller.organization.id
    if not await call.control.write(tokens.revoke_token, organization, number, now=call.control.now()):
        raise NotFound(f"there is no token {text[:40]}", hint="fly tokens list --scope org")
