"""Running the API as a process: `python -m caddis.api --data DIR --listen 127.0.0.1:4280`."""

from __future__ import annotations

import argparse
import os
import socket
import sys
from datetime import UTC, datetime
from pathlib import Path

import uvicorn

from caddis.api.server import make_app
from caddis.catalog.database import Catalog
from caddis.catalog.vault import KEY_FILE, Vault
from caddis.control.core import Control
from caddis.domain.errors import Invalid, Problem, Refused
from caddis.telemetry import log
from caddis.wire.stream import LONGEST_MESSAGE, SILENCE_SECONDS

ADDRESS_FILE = "api.address"
GRACE_SECONDS = 2  # for requests under way when we are told to end; long polls are cut, and clients repeat them
_BACKLOG = 512


def catalog_url(data: Path) -> str:
    """Where the catalog of a data folder is, as SQLAlchemy says it."""
    return f"sqlite:///{data.absolute()}/catalog.sqlite"


def serve(data: Path, listen: str, *, database: str | None = None) -> None:
    """Serve until SIGTERM or SIGINT. `listen` is ADDRESS:PORT; what came of port 0 stands in DATA/api.address."""
    data.mkdir(mode=0o700, parents=True, exist_ok=True)
    door = _listen(listen)
    control = Control(
        catalog=Catalog.open(database or catalog_url(data)),
        vault=Vault(data / KEY_FILE),
        now=lambda: datetime.now(UTC),
        entropy=os.urandom,
    )
    config = uvicorn.Config(
        make_app(control, data),
        http="h11",
        ws="websockets-sansio",
        ws_max_size=LONGEST_MESSAGE,
        ws_per_message_deflate=False,
        ws_ping_timeout=SILENCE_SECONDS,
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=GRACE_SECONDS,
        backlog=_BACKLOG,
    )
    address = _write_address(data, door)
    log.note("listening", address=address)
    uvicorn.Server(config).run(sockets=[door])


def _listen(listen: str) -> socket.socket:
    host, _, port = listen.rpartition(":")
    host = host.strip("[]")
    if not host or not port.isdecimal() or int(port) > 65535:
        raise Invalid(f"{listen!r} is not an address to listen on: write it like 127.0.0.1:4280", field="listen")
    # IPPROTO_TCP in so many words: asyncio turns Nagle's algorithm off only for sockets that say so, and with it on,
    # every answer (head and body are two writes) waits 40 ms for the client's delayed acknowledgement.
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    door = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        door.bind((host, int(port)))
    except OSError as problem:
        door.close()
        raise Refused(
            f"cannot listen on {listen}: {problem.strerror}", hint="choose another port: --listen 127.0.0.1:4281"
        ) from problem
    door.listen(_BACKLOG)
    return door


def _write_address(data: Path, door: socket.socket) -> str:
    """Under its own name only when complete: whoever waits for the file never reads half of it."""
    host, port = door.getsockname()[:2]
    address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    half = data / f"{ADDRESS_FILE}.{os.getpid()}"
    half.write_text(address + "\n")
    half.rename(data / ADDRESS_FILE)
    return address


def main(arguments: list[str] | None = None) -> int:
    """The program; its exit code."""
    parser = argparse.ArgumentParser(prog="python -m caddis.api", description="The API server.")
    parser.add_argument("--data", type=Path, default=Path("/var/lib/caddis"), help="folder of the catalog")
    parser.add_argument("--listen", default="127.0.0.1:4280", help="ADDRESS:PORT; port 0 takes any that is free")
    parser.add_argument("--database", help="an SQLAlchemy URL, instead of the catalog in the data folder")
    parser.add_argument("--verbose", action="store_true")
    given = parser.parse_args(arguments)
    log.configure("api", verbose=given.verbose)
    try:
        serve(given.data, given.listen, database=given.database)
    except Problem as problem:
        hint = f" ({problem.hint})" if problem.hint else ""
        sys.stderr.write(f"Error: {problem.message}{hint}\n")
        return problem.exit_code
    return 0
