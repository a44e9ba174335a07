"""Where clients of the installation's registry get their tokens (api/registry_tokens.py)."""

from __future__ import annotations

from starlette.responses import Response

from caddis.api.access import Access, authorise, find_calling_host
from caddis.api.call import Call, reply
from caddis.api.registry_tokens import LIFETIME, sign_token
from caddis.catalog.tokens import Caller
from caddis.domain.errors import Forbidden, NotFound
from caddis.wire.registry import Scope, scopes_from_wire
from caddis.wire.time import time_to_wire

_PULL = frozenset({"pull"})


async def get_token(call: Call) -> Response:
    """For the registry: the installation's token comes as the password, any name will do. Hosts may pull everything."""
    wanted = scopes_from_wire(call.request.query_params.getlist("scope"))
    host = await find_calling_host(call.request, call.control)
    if host is not None:
        subject, granted = host, [Scope(one.repository, one.actions & _PULL) for one in wanted]
    else:
        caller = await authorise(call.request, call.control, Access.READ)
        subject = caller.name
        granted = [one for one in [await _granted(call, caller, scope) for scope in wanted] if one.actions]
    now = call.control.now()
    folder = call.request.app.state.data / "registry"
    token = sign_token(folder, granted, subject=subject, id=call.control.entropy(16).hex(), now=now)
    seconds = int(LIFETIME.total_seconds())
    return reply({"token": token, "access_token": token, "expires_in": seconds, "issued_at": time_to_wire(now)})


async def _granted(call: Call, caller: Caller, scope: Scope) -> Scope:
    """What of it the token may do: nothing where it does not reach the app, which the registry then denies."""
    known = Call(call.request, call.control, caller)
    try:
        await known.app(scope.app)
    except (Forbidden, NotFound):
        return Scope(scope.repository, frozenset())
    return Scope(scope.repository, scope.actions & _PULL if caller.read_only else scope.actions)
