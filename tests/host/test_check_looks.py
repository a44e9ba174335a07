"""Looks at real listeners, good and bad, and at programs in a real machine: each ends, in time, with bounded words."""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from caddis.agent.looks import Found, Looks
from caddis.domain.check import MAX_OUTPUT, Check, CheckStatus, CheckType, HttpLook
from caddis.domain.machine import Machine, MachineConfig, MachineState
from fakes.runtime import FakeRuntime
from real_machines import RealMachines, temporary_machines

pytestmark = pytest.mark.host

NOW = datetime(2026, 11, 25, tzinfo=UTC)
PASSING, WARNING, CRITICAL = CheckStatus.PASSING, CheckStatus.WARNING, CheckStatus.CRITICAL
Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def machine(id: str = "m1") -> Machine:
    return Machine(
        id=id,
        app="web",
        name="m",
        region="lhr",
        state=MachineState.STARTED,
        instance_id="01",
        config=MachineConfig(image="tiny"),
        raw_config={},
        created_at=NOW,
        updated_at=NOW,
        address="::1",
        address_v4="127.0.0.1",
    )


def look_at(serve: Serve, *, host: str = "127.0.0.1", tls: ssl.SSLContext | None = None, **changes: Any) -> Found:
    """One look at a server that treats each connection so."""

    async def both() -> Found:
        async def forgiving(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            with suppress(ConnectionError, asyncio.CancelledError):
                await serve(reader, writer)
            writer.close()

        server = await asyncio.start_server(forgiving, host, 0, ssl=tls)
        port = server.sockets[0].getsockname()[1]
        looks = Looks(FakeRuntime())
        try:
            check = Check(**{"name": "up", "type": CheckType.HTTP, "port": port, "timeout": 2.0, **changes})
            return await looks.look(machine(), check)
        finally:
            await looks.close()
            server.close()

    return asyncio.run(both())


def answer(text: bytes, asked: list[bytes] | None = None) -> Serve:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = await reader.readuntil(b"\r\n\r\n")
        if asked is not None:
            asked.append(request)
        writer.write(text)
        await writer.drain()

    return serve


async def silence(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
    await reader.read()


def test_2xx_passes_and_the_request_is_as_configured() -> None:
    asked: list[bytes] = []
    wanted = HttpLook(method="POST", path="/up?x=1", headers=(("Host", "app.example"), ("X-A", "1"), ("X-A", "2")))
    found = look_at(answer(b"HTTP/1.1 204 No Content\r\n\r\n", asked), http=wanted)
    assert found == (PASSING, "POST /up?x=1: 204 No Content")
    lines = asked[0].decode().split("\r\n")
    assert lines[0] == "POST /up?x=1 HTTP/1.1"
    assert [line for line in lines if line.lower().startswith("host")] == ["Host: app.example"]
    assert {"X-A: 1", "X-A: 2", "User-Agent: caddis-check"} <= set(lines)


@pytest.mark.parametrize("status", ["301 Moved", "404 Not Found", "500 Internal Server Error", "304 Not Modified"])
def test_no_other_status_passes_and_redirects_are_not_followed(status: str) -> None:
    text = f"HTTP/1.1 {status}\r\nLocation: /elsewhere\r\nContent-Length: 5\r\n\r\nsorry"
    found, said = look_at(answer(text.encode()))
    assert found is CRITICAL
    assert said.startswith(f"GET /: {status}")


def test_a_cookie_is_not_sent_back_and_a_compressed_body_not_asked_for() -> None:
    asked: list[bytes] = []
    look_at(answer(b"HTTP/1.1 200 OK\r\nSet-Cookie: a=b\r\nContent-Length: 0\r\n\r\n", asked))
    look_at(answer(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", asked))
    assert b"cookie" not in asked[1].lower() and b"accept-encoding" not in asked[1].lower()


def test_a_huge_body_is_not_read() -> None:
    sent = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n")
        for _ in range(1000):
            writer.write(b"x" * 1_000_000)
            await writer.drain()
            sent += 1

    found, said = look_at(serve)
    assert found is PASSING and len(said) <= MAX_OUTPUT + 50
    assert sent < 100


def test_headers_without_end_are_given_up() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\n")
        while True:
            writer.write(b"X-More: " + b"y" * 10_000 + b"\r\n")
            await writer.drain()

    found, said = look_at(serve)
    assert found is CRITICAL and len(said) < 200


@pytest.mark.parametrize(
    "serve",
    [silence, answer(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf")],
    ids=["no answer", "half a body, then the end"],
)
def test_a_server_that_does_not_finish_is_critical(serve: Serve) -> None:
    began = time.monotonic()
    found, _said = look_at(serve, timeout=1.0)
    assert found is CRITICAL and time.monotonic() - began < 10


def test_a_server_that_drips_is_out_of_time() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        for byte in b"HTTP/1.1 200 OK\r\n" * 100:
            writer.write(bytes([byte]))
            await writer.drain()
            await asyncio.sleep(0.05)

    found, said = look_at(serve, timeout=1.0)
    assert found is CRITICAL and said.startswith("no answer on port") and said.endswith("within 1 s")


def test_what_is_no_http_is_critical() -> None:
    found, _said = look_at(answer(b"SSH-2.0-OpenSSH_9.2\r\n"))
    assert found is CRITICAL


@pytest.mark.parametrize("type", [CheckType.TCP, CheckType.HTTP])
def test_a_program_that_listens_on_ipv6_only_is_found(type: CheckType) -> None:
    found, _said = look_at(answer(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"), host="::1", type=type)
    assert found is PASSING


@pytest.mark.parametrize("type", [CheckType.TCP, CheckType.HTTP])
def test_a_refused_connection_says_that_nothing_listens(type: CheckType) -> None:
    async def refused() -> Found:
        server = await asyncio.start_server(silence, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        server.close()
        return await Looks(FakeRuntime()).look(machine(), Check(name="up", type=type, port=port))

    found, said = asyncio.run(refused())
    assert found is CRITICAL and said.startswith("connection refused: nothing listens on port")


def test_a_tcp_check_is_content_with_a_connection() -> None:
    found, said = look_at(silence, type=CheckType.TCP)
    assert found is PASSING and said.startswith("connected to 127.0.0.1:")


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> ssl.SSLContext:
    """One that its own program has signed, for app.example."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "app.example")])
    now = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), now, now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("app.example")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    path: Path = tmp_path_factory.mktemp("tls") / "pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(private + signed.public_bytes(serialization.Encoding.PEM))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(path)
    return context


def test_a_certificate_of_ones_own_needs_tls_skip_verify(certificate: ssl.SSLContext) -> None:
    ok = answer(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
    look = HttpLook(protocol="https", server_name="app.example")
    found, said = look_at(ok, tls=certificate, http=look)
    assert found is CRITICAL and said.startswith("the certificate is not accepted: self")
    assert look_at(ok, tls=certificate, http=HttpLook(protocol="https", skip_verify=True))[0] is PASSING


def test_the_server_is_told_the_name_for_its_certificate(certificate: ssl.SSLContext) -> None:
    names: list[str | None] = []
    certificate.sni_callback = lambda _socket, name, _context: names.append(name)
    look = HttpLook(protocol="https", server_name="app.example", skip_verify=True)
    look_at(answer(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"), tls=certificate, http=look)
    assert names == ["app.example"]


@pytest.fixture(scope="module")
def machines() -> Iterator[RealMachines]:
    with temporary_machines() as machines:
        machines.launch("sleep", "1000")
        yield machines


@pytest.mark.parametrize(
    ("script", "found"),
    [
        ("echo all is well", (PASSING, "all is well")),
        ("true", (PASSING, "exit status 0")),
        ("echo nearly full >&2; exit 1", (WARNING, "nearly full")),
        ("exit 2", (CRITICAL, "exit status 2")),
        ("kill -9 $$", (CRITICAL, "exit status 137")),
    ],
)
def test_a_scripts_exit_status_is_its_finding(machines: RealMachines, script: str, found: Found) -> None:
    assert run_script(machines, "sh", "-c", script) == found


def test_a_scripts_output_is_bounded_to_its_end(machines: RealMachines) -> None:
    found, said = run_script(machines, "sh", "-c", "yes | head -c 1000000; echo; echo the end; exit 3")
    assert found is CRITICAL and len(said) <= MAX_OUTPUT and said.endswith("the end")


def test_a_script_that_is_not_there_or_does_not_end_is_critical(machines: RealMachines) -> None:
    found, said = run_script(machines, "/no/such")
    assert found is CRITICAL and "/no/such" in said
    found, said = run_script(machines, "sleep", "1000", timeout=1.0)
    assert found is CRITICAL and "did not end within 1 s" in said
    assert "sleep 1000" in [process.command for process in machines.runtime.list_processes("m1")]


def test_a_machine_that_is_gone_is_critical(machines: RealMachines) -> None:
    found, said = run_script(machines, "true", id="gone")
    assert found is CRITICAL and "not running" in said


def run_script(machines: RealMachines, *command: str, id: str = "m1", timeout: float = 20.0) -> Found:
    check = Check(name="up", type=CheckType.SCRIPT, command=command, timeout=timeout)
    return asyncio.run(Looks(machines.runtime).look(machine(id), check))
