"""Tokens: who calls, and whether that one may."""

from __future__ import annotations

import base64
import binascii
from enum import Enum

from starlette.requests import Request

from caddis.catalog.hosts import find_token_host, is_host_token
from caddis.catalog.tokens import HOST_PREFIX, Caller, find_caller
from caddis.control.core import Control
from caddis.domain.errors import Forbidden, Unauthenticated

_HINT = 'get one from the server that you want to reach: eval "$(caddis env)"'
_MOST_TOKENS = 16  # of one header; clients send a handful


class Access(Enum):
    """Who may call a route."""

    OPEN = "everybody"
    READ = "every token"
    WRITE = "tokens that are not read-only"
    OWNER = "tokens for the whole organization that are not read-only"
    HOST = "the host of the path"


def list_tokens(header: str) -> list[str]:
    """The tokens of an Authorization header: Bearer or FlyV1, alone or in a comma list (facts: machines-api 1.1).

    Basic too, with a token as the password of whomever: programs that speak to registries know nothing else.
    """
    scheme, _, rest = header.strip().partition(" ")
    if scheme.lower() == "basic":
        rest, scheme = _password(rest), "bearer"
    if scheme.lower() not in ("bearer", "flyv1"):
        return []
    return [token for token in (part.strip() for part in rest.split(",")) if token][:_MOST_TOKENS]


def _password(encoded: str) -> str:
    try:
        return base64.b64decode(encoded, validate=True).decode().partition(":")[2]
    except (binascii.Error, UnicodeDecodeError):
        return ""


async def authorise(request: Request, control: Control, access: Access) -> Caller:
    """The caller. Unauthenticated without a good token, Forbidden when it may not change anything."""
    tokens = list_tokens(request.headers.get("authorization", ""))
    if not tokens:
        raise Unauthenticated("there is no token: send one as `Authorization: Bearer TOKEN`", hint=_HINT)
    now = control.now()
    for token in tokens:
        caller = await control.read(find_caller, token, now)
        if caller is None:
            continue
        if access in (Access.WRITE, Access.OWNER) and caller.read_only:
            raise Forbidden(f"token {caller.name!r} is read-only: it cannot change anything")
        if access is Access.OWNER:
            check_owner(caller)
        return caller
    raise Unauthenticated("the token is not valid: it is unknown, has expired or was revoked", hint=_HINT)


def check_owner(caller: Caller) -> None:
    """Forbidden when the token is for one app: it deploys that, and what cannot be undone is not in its reach."""
    if caller.app is not None:
        raise Forbidden(
            f"this token is for app {caller.app}: it can deploy it, and neither create nor destroy apps and tokens"
        )


async def find_calling_host(request: Request, control: Control) -> str | None:
    """The host whose token the request bears, if it is one's."""
    for token in list_tokens(request.headers.get("authorization", "")):
        if token.startswith(HOST_PREFIX):
            return await control.read(find_token_host, token)
    return None


async def authorise_host(request: Request, control: Control) -> None:
    """Unauthenticated unless the token is that of the host in the path."""
    host_id = str(request.path_params["host"])
    for token in list_tokens(request.headers.get("authorization", "")):
        if await control.read(is_host_token, host_id, token):
            return
    raise Unauthenticated(f"this is not the token of host {host_id}", hint="start the host with `caddis up`")
