"""Log pages (facts: flyctl-calls 1.8)."""

from __future__ import annotations

from starlette.responses import Response

from caddis.api.call import Call, reply
from caddis.control.logs import read_logs
from caddis.wire.logs import log_page_to_wire


async def get_logs(call: Call) -> Response:
    """What an app's machines wrote."""
    app = await call.app()
    lines, token = await read_logs(
        call.control,
        app.name,
        token=call.option("next_token"),
        machine_id=call.option("instance"),
        region=call.option("region"),
    )
    return reply(log_page_to_wire(lines, next_token=token))
