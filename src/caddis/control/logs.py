"""Log pages: one machine's from its host, an app's from all hosts that have machines of it."""

from __future__ import annotations

import base64
import binascii

import anyio
import msgspec

from caddis.catalog import index
from caddis.control.core import Control
from caddis.control.machines import find_machine
from caddis.control.orders import Order
from caddis.domain.errors import Invalid, Problem, Unreachable
from caddis.wire.body import document_from_body
from caddis.wire.logs import LogLine, log_page_from_wire


async def read_logs(
    control: Control, app: str, *, token: str, machine_id: str, region: str
) -> tuple[list[LogLine], str]:
    """What came after the page that gave `token`, oldest first, and the token for the next.

    The token holds one of each host, so that a page may mix hosts and a silent host's place is kept. Unreachable if
    none answers.
    """
    places = _decode_token(token)
    if machine_id:
        hosts = [(await find_machine(control, app, machine_id)).host]
    else:
        hosts = await control.read(index.list_hosts_of_app, app)
    pages: dict[str, tuple[list[LogLine], str]] = {}
    problems: list[Problem] = []

    async def ask(host_id: str) -> None:
        query = [("next_token", places.get(host_id, ""))]
        if machine_id:
            query.append(("machine", machine_id))
        try:
            host = await control.get_host(host_id)
            answer = await control.doors.send(host, Order(method="GET", path="/logs", app=app, query=tuple(query)))
            if answer.problem is not None:
                raise answer.problem
            pages[host_id] = log_page_from_wire(document_from_body(answer.body))
        except Problem as problem:
            problems.append(problem)

    async with anyio.create_task_group() as group:
        for host_id in hosts:
            group.start_soon(ask, host_id)
    if problems and (not pages or not isinstance(problems[0], Unreachable)):
        raise problems[0]
    lines = [line for page, _ in pages.values() for line in page if not region or line.region == region]
    lines.sort(key=lambda line: line.at)
    return lines, _encode_token(places | {host_id: place for host_id, (_, place) in pages.items() if place})


def _encode_token(places: dict[str, str]) -> str:
    return base64.urlsafe_b64encode(msgspec.json.encode(places)).decode().rstrip("=") if places else ""


def _decode_token(token: str) -> dict[str, str]:
    if not token:
        return {}
    try:
        return msgspec.json.decode(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)), type=dict[str, str])
    except (binascii.Error, ValueError, msgspec.DecodeError):
        raise Invalid("next_token is not one that we gave", field="next_token") from None
