"""What the hosts' agents call."""

from __future__ import annotations

from starlette.responses import Response

from caddis.api.call import Call, reply
from caddis.control.reports import take_reports


async def accept_reports(call: Call) -> Response:
    """Changes since the last time, or none: then it says that the host is alive."""
    accepted = await take_reports(call.control, call.path("host"), await call.body())
    return reply({"acknowledged": accepted.acknowledged, "tell_everything": accepted.tell_everything})
