"""Secrets of an app (facts: machines-api 6)."""

from __future__ import annotations

from starlette.responses import Response

from caddis.api.call import Call, reply
from caddis.control import secrets
from caddis.domain.app import App
from caddis.domain.errors import Forbidden
from caddis.wire.secret import (
    secret_to_wire,
    secret_value_from_wire,
    secret_values_from_wire,
    secrets_to_wire,
    version_to_wire,
    wanted_version,
)


async def list_secrets(call: Call) -> Response:
    """Names, digests and times. `show_secrets` adds the values, for tokens that may change them."""
    app = await call.app()
    found, version = await secrets.list_secrets(call.control, app, at_least=_at_least(call))
    return reply(secrets_to_wire(found, version, await _find_values(call, app)))


async def get_secret(call: Call) -> Response:
    """One, as in the list."""
    app, name = await call.app(), call.path("name")
    secret = await secrets.get_secret(call.control, app, name, at_least=_at_least(call))
    return reply(secret_to_wire(secret, (await _find_values(call, app)).get(name)))


async def change_secrets(call: Call) -> Response:
    """Several at once: a text sets one, null unsets it. Machines get them with their next version."""
    app = await call.app()
    values = secret_values_from_wire(await call.document())
    version = await secrets.change_secrets(call.control, app, values)
    found, _newest = await secrets.list_secrets(call.control, app, at_least=version)
    return reply(secrets_to_wire([secret for secret in found if secret.name in values], version))


async def set_secret(call: Call) -> Response:
    """One."""
    app, name = await call.app(), call.path("name")
    value = secret_value_from_wire(name, await call.document())
    version = await secrets.change_secrets(call.control, app, {name: value})
    secret = await secrets.get_secret(call.control, app, name, at_least=version)
    return reply({**secret_to_wire(secret), **version_to_wire(version)}, 201)


async def delete_secret(call: Call) -> Response:
    """One that is not there is no problem."""
    app = await call.app()
    return reply(version_to_wire(await secrets.change_secrets(call.control, app, {call.path("name"): None})))


def _at_least(call: Call) -> int:
    return wanted_version(call.option("min_version") or call.option("version"))


async def _find_values(call: Call, app: App) -> dict[str, str]:
    if not call.flag("show_secrets"):
        return {}
    if call.caller.read_only:
        raise Forbidden(f"token {call.caller.name!r} is read-only: it may see names and digests, not values")
    return await secrets.open_values(call.control, app)
