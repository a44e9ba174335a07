"""Machines (facts: machines-api 4). What concerns one machine is answered by its host, and passed on."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from urllib.parse import quote

from starlette.responses import Response

from caddis.api.call import Call, passed_on, reply
from caddis.control import machines
from caddis.control.machines import MachineFilter
from caddis.control.orders import Passage
from caddis.domain.errors import Refused

_METADATA = "metadata."
_MOST_LISTED = 1000
NEXT_CURSOR = "fly-next-cursor"


async def list_machines(call: Call) -> Response:
    """From the index, filtered as asked."""
    app = await call.app()
    wanted = MachineFilter(
        include_destroyed=call.flag("include_deleted"),
        region=call.option("region"),
        states=frozenset(state for state in call.option("state").split(",") if state),
        metadata={key.removeprefix(_METADATA): value for key, value in call.query if key.startswith(_METADATA)},
        summary=call.flag("summary"),
        after=call.option("cursor"),
        limit=call.count("limit", 0, most=_MOST_LISTED),
    )
    found, more = await machines.list_machines(call.control, app.name, wanted)
    return reply(found, headers={NEXT_CURSOR: more} if more else None)


async def create_machine(call: Call) -> Response:
    """Placed by control."""
    app = await call.app()
    document = await call.document()
    return passed_on(await machines.create_machine(call.control, app, document, user=call.caller.name))


async def get_machine(call: Call) -> Response:
    """As its host sees it."""
    app = await call.app()
    return passed_on(await machines.get_machine(call.control, app.name, call.path("id"), call.query))


async def update_machine(call: Call) -> Response:
    """A new version of it."""
    app = await call.app()
    document = await call.document()
    return passed_on(
        await machines.update_machine(
            call.control, app, call.path("id"), document, nonce=call.nonce, user=call.caller.name
        )
    )


async def delete_machine(call: Call) -> Response:
    """Clients say `kill`, the documentation says `force`."""
    app = await call.app()
    kill = "true" if call.flag("kill") or call.flag("force") else "false"
    return await _pass_on(call, app.name, Passage(method="DELETE", query=(("kill", kill),)))


def passing(verb: str) -> Callable[[Call], Awaitable[Response]]:
    """The endpoint that leaves /machines/{id}/`verb` to the machine's host."""

    async def pass_verb(call: Call) -> Response:
        app = await call.app()
        key = f"/{quote(call.path('key'), safe='')}" if "key" in call.request.path_params else ""
        body = await call.checked_body()
        passage = Passage(method=call.request.method, verb=f"/{verb}{key}", query=call.query, body=body)
        return await _pass_on(call, app.name, passage)

    return pass_verb


async def _pass_on(call: Call, app: str, passage: Passage) -> Response:
    method = "GET" if passage.method == "HEAD" else passage.method
    named = replace(passage, method=method, nonce=call.nonce, user=call.caller.name)
    return passed_on(await machines.pass_on(call.control, app, call.path("id"), named))


async def suspend_machine(call: Call) -> Response:
    """Refused: a container's memory cannot be put to disk."""
    app = await call.app()
    await machines.find_machine(call.control, app.name, call.path("id"))
    raise Refused(
        "machines cannot be suspended here: what runs them keeps no memory on disk",
        hint=f"stop it instead: fly machine stop {call.path('id')}",
    )
