"""One look at a machine's health: connect, ask over HTTP, or run a program inside. Every look ends and is bounded.

Looks come from the host to the machine's own address, so a program that listens on 127.0.0.1 only is not seen, as it
would not be by anybody else. Redirects are not followed: 2xx passes (Fly's documentation, "Health Checks").
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Callable

import anyio
import httpx2

from caddis.agent.threads import in_limited_thread
from caddis.agent.world import Runtime
from caddis.domain.check import MAX_OUTPUT, Check, CheckStatus, CheckType, HttpLook
from caddis.domain.errors import Problem, TimedOut
from caddis.domain.machine import Machine

Found = tuple[CheckStatus, str]

_SCRIPTS_AT_ONCE = 16
_SOCKETS_AT_ONCE = 64
_SCRIPT_STATUS = {0: CheckStatus.PASSING, 1: CheckStatus.WARNING}  # as Nomad and Consul have it; else critical
_LOOPBACK = ("127.", "[::1]")
_NO_REUSE = httpx2.Limits(max_connections=None, max_keepalive_connections=0)


class Looks:
    """Of one agent."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._scripts = anyio.CapacityLimiter(_SCRIPTS_AT_ONCE)
        self._sockets = asyncio.Semaphore(_SOCKETS_AT_ONCE)
        self._transports: dict[bool, httpx2.AsyncHTTPTransport] = {}

    async def look(self, machine: Machine, check: Check) -> Found:
        """What is found now; never raises a Problem, and ends within the check's timeout (a script: soon after)."""
        if check.type is CheckType.SCRIPT:
            return await self._script(machine.id, check)
        async with self._sockets:
            try:
                async with asyncio.timeout(check.timeout):
                    look = self._connect if check.type is CheckType.TCP else self._ask
                    return await self._either_address(machine, check, look)
            except TimeoutError:
                return CheckStatus.CRITICAL, f"no answer on port {check.port} within {check.timeout:g} s"
            except ConnectionRefusedError:
                return CheckStatus.CRITICAL, await self._why_refused(machine.id, check.port)
            except (OSError, httpx2.TransportError, ValueError) as failure:
                return CheckStatus.CRITICAL, _say(failure)

    async def close(self) -> None:
        """End what is open."""
        for transport in self._transports.values():
            await transport.aclose()

    async def _either_address(
        self, machine: Machine, check: Check, look: Callable[[Check, str], Awaitable[Found]]
    ) -> Found:
        try:
            return await look(check, machine.address_v4)
        except ConnectionRefusedError:  # it may listen on IPv6 only
            return await look(check, f"[{machine.address}]")

    async def _connect(self, check: Check, host: str) -> Found:
        _reader, writer = await asyncio.open_connection(host.strip("[]"), check.port)
        writer.close()
        return CheckStatus.PASSING, f"connected to {host}:{check.port}"

    async def _ask(self, check: Check, host: str) -> Found:
        wanted = check.http
        request = httpx2.Request(
            wanted.method,
            f"{wanted.protocol}://{host}:{check.port}{wanted.path}",
            headers=_headers(wanted),
            extensions={"sni_hostname": wanted.server_name} if wanted.server_name else {},
        )
        try:
            response = await self._transport(wanted.skip_verify).handle_async_request(request)
        except httpx2.ConnectError as failure:
            _raise_if_refused(failure)
            raise
        try:
            body = await _beginning(response)
        finally:
            await response.aclose()
        told = f"{wanted.method} {wanted.path}: {response.status_code} {response.reason_phrase}".strip()
        status = CheckStatus.PASSING if response.is_success else CheckStatus.CRITICAL
        return status, f"{told}: {body}" if body else told

    def _transport(self, skip_verify: bool) -> httpx2.AsyncHTTPTransport:
        """A connection for each look, no proxy, no cookies; made when first needed, because CAs are large."""
        if skip_verify not in self._transports:
            tls = ssl.create_default_context()
            if skip_verify:
                tls.check_hostname, tls.verify_mode = False, ssl.CERT_NONE
            self._transports[skip_verify] = httpx2.AsyncHTTPTransport(verify=tls, trust_env=False, limits=_NO_REUSE)
        return self._transports[skip_verify]

    async def _script(self, id: str, check: Check) -> Found:
        try:
            done = await in_limited_thread(
                self._scripts, self._runtime.execute, id, check.command, stdin=b"", timeout=check.timeout, env={}
            )
        except TimedOut as overdue:
            return CheckStatus.CRITICAL, overdue.message
        except Problem as problem:
            return CheckStatus.CRITICAL, problem.message
        said = (done.stdout + done.stderr)[-MAX_OUTPUT * 4 :].decode(errors="replace").strip()
        told = f"exit status {done.exit_code}"
        return _SCRIPT_STATUS.get(done.exit_code, CheckStatus.CRITICAL), said[-MAX_OUTPUT:] or told

    async def _why_refused(self, id: str, port: int) -> str:
        """What a refused connection most likely means, seen from the sockets inside."""
        try:
            processes = await in_limited_thread(self._scripts, self._runtime.list_processes, id)
        except Problem:
            processes = []
        listening = [address for process in processes for _proto, address in process.listen]
        local = [address for address in listening if address.endswith(f":{port}") and address.startswith(_LOOPBACK)]
        if local:
            return f"connection refused: the program listens on {local[0]} only, let it listen on 0.0.0.0:{port}"
        return f"connection refused: nothing listens on port {port}"


def _headers(wanted: HttpLook) -> list[tuple[str, str]]:
    given = {name.lower() for name, _value in wanted.headers}
    own = (("User-Agent", "caddis-check"), ("Accept", "*/*"), ("Connection", "close"))
    return [*(pair for pair in own if pair[0].lower() not in given), *wanted.headers]


async def _beginning(response: httpx2.Response) -> str:
    """As much of the body as is kept, on one line; the rest is not read."""
    read = b""
    assert isinstance(response.stream, httpx2.AsyncByteStream)
    async for chunk in response.stream:
        read += chunk
        if len(read) >= MAX_OUTPUT:
            break
    return " ".join(read[:MAX_OUTPUT].decode(errors="replace").split())


def _raise_if_refused(failure: BaseException) -> None:
    """The library keeps the kernel's own word as the cause of the cause."""
    cause: BaseException | None = failure
    while cause is not None:
        if isinstance(cause, ConnectionRefusedError):
            raise ConnectionRefusedError from failure
        cause = cause.__cause__ or cause.__context__


def _say(failure: Exception) -> str:
    """In words, without the library's own where the kernel has some."""
    cause: BaseException | None = failure
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return f"the certificate is not accepted: {cause.verify_message}"
        if isinstance(cause, OSError) and cause.strerror:
            return cause.strerror[0].lower() + cause.strerror[1:]
        cause = cause.__cause__ or cause.__context__
    return str(failure) or type(failure).__name__
