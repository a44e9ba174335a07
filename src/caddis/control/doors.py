"""The hosts' doors: HTTP to an agent, over its Unix socket or over the network."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlencode

import httpx2
from websockets.asyncio.client import ClientConnection, connect, unix_connect
from websockets.exceptions import InvalidStatus, WebSocketException

from caddis.control.orders import Answer, Order
from caddis.domain.errors import Problem, Unreachable
from caddis.domain.host import Host
from caddis.wire.problem import problem_from_wire
from caddis.wire.stream import LONGEST_MESSAGE

CONNECT_SECONDS = 2.0


class NotDelivered(Exception):
    """The host never got the order: another one may be asked without risk."""


class Doors:
    """One HTTP client an address, made when first needed. Belongs to one event loop."""

    def __init__(self) -> None:
        self._clients: dict[str, httpx2.AsyncClient] = {}

    async def send(self, host: Host, order: Order) -> Answer:
        """The host's answer, whatever it is; Unreachable without one."""
        try:
            return await self.deliver(host, order)
        except NotDelivered as problem:
            raise Unreachable(*problem.args, hint=_look_at(host)) from problem

    async def deliver(self, host: Host, order: Order) -> Answer:
        """As `send`, but NotDelivered when the order cannot have reached the host."""
        async with self.stream(host, order, order.body) as response:
            body = await response.aread()
            return Answer(
                status=response.status_code,
                body=body,
                content_type=response.headers.get("content-type", "application/json"),
                sequence=int(response.headers.get("caddis-sequence") or 0),
            )

    @asynccontextmanager
    async def stream(
        self, host: Host, order: Order, content: bytes | AsyncIterator[bytes] | None
    ) -> AsyncIterator[httpx2.Response]:
        """The answer before its body is read; `content` may be a stream as well."""
        client = self._client(host.address)
        request = client.build_request(
            order.method,
            order.path,
            params=[("app", order.app), *order.query],
            headers=order.headers,
            content=content,
            timeout=httpx2.Timeout(order.seconds, connect=CONNECT_SECONDS, pool=None),
        )
        try:
            response = await client.send(request, stream=True)
        except (httpx2.ConnectError, httpx2.ConnectTimeout) as problem:
            why = re.sub(r"^\[Errno -?\d+\] ", "", str(problem)) or "no answer"
            raise NotDelivered(f"host {host.id} cannot be reached: {why}") from problem
        except httpx2.TimeoutException as problem:
            raise Unreachable(
                f"host {host.id} did not answer {order.method} {order.path} within {order.seconds:.0f} seconds",
                hint=_look_at(host),
            ) from problem
        except httpx2.HTTPError as problem:
            raise _broken(host, problem) from problem
        try:
            yield response
        except httpx2.HTTPError as problem:
            raise _broken(host, problem) from problem
        finally:
            await response.aclose()

    @asynccontextmanager
    async def socket(self, host: Host, order: Order) -> AsyncIterator[ClientConnection]:
        """A WebSocket to the host, open until the block ends; the Problem for which there is none."""
        path = f"{order.path}?{urlencode([('app', order.app), *order.query])}"
        options: dict[str, Any] = {
            "additional_headers": order.headers,
            "compression": None,
            "open_timeout": order.seconds,
            "max_size": LONGEST_MESSAGE,
            "user_agent_header": None,
            "proxy": None,
        }
        try:
            if host.address.startswith("unix:"):
                opening = unix_connect(host.address.removeprefix("unix:"), f"ws://agent{path}", **options)
            else:
                opening = connect("ws" + host.address.removeprefix("http") + path, **options)
            connection = await opening
        except InvalidStatus as refused:
            raise problem_from_wire(refused.response.status_code, bytes(refused.response.body or b"")) from None
        except (OSError, TimeoutError, WebSocketException) as broken:
            why = re.sub(r"^\[Errno -?\d+\] ", "", str(broken)) or "no answer"
            raise Unreachable(f"host {host.id} cannot be reached: {why}", hint=_look_at(host)) from broken
        try:
            yield connection
        finally:
            await connection.close()

    async def close(self) -> None:
        """Give every connection back."""
        for client in self._clients.values():
            await client.aclose()
        self._clients.clear()

    def _client(self, address: str) -> httpx2.AsyncClient:
        client = self._clients.get(address)
        if client is None:
            client = self._clients[address] = _open(address)
        return client


def _open(address: str) -> httpx2.AsyncClient:
    # No kept connections: a host that restarts closes them under our hands, just as we send an order that must not be
    # sent twice. Opening one costs 0.2 ms. No limit either: every waiting client holds one.
    limits = httpx2.Limits(max_connections=None, max_keepalive_connections=0)
    if address.startswith("unix:"):
        transport = httpx2.AsyncHTTPTransport(uds=address.removeprefix("unix:"), limits=limits, verify=False)
        return httpx2.AsyncClient(transport=transport, base_url="http://agent", trust_env=False)
    return httpx2.AsyncClient(base_url=address, limits=limits, verify=address.startswith("https:"), trust_env=False)


def _look_at(host: Host) -> str:
    return f"is the agent of host {host.id} running? Its machines run on without it."


def _broken(host: Host, problem: Exception) -> Problem:
    reason = str(problem).rstrip(".") or type(problem).__name__
    return Unreachable(
        f"host {host.id} stopped answering in the middle of an order ({reason}): it may still be carried out",
        hint="look at what became of it before you repeat it",
    )
