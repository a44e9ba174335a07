"""One run of `caddis up`: look at the machine, start the programs, tell how to use them, mind them, end them."""

from __future__ import annotations

import os
import signal
import socket
import threading
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from caddis import __version__
from caddis.admin.catalog_key import ensure_catalog_key
from caddis.admin.choices import Choices, choices_text, choose, parse_listen, read_choices
from caddis.admin.credentials import ensure_credentials
from caddis.admin.default_store import ensure_store
from caddis.admin.down import take_down
from caddis.admin.installation import Installation, write_private
from caddis.admin.probes import free_bytes, missing, probe_all, table
from caddis.admin.programs import agent_program, api_program
from caddis.admin.registry import ensure_registry, registry_program
from caddis.admin.supervisor import Program, Supervisor, end_strays
from caddis.admin.user_config import point_user_at
from caddis.domain.errors import Conflict, Missing, Problem, Refused, TimedOut
from caddis.domain.sizes import format_bytes

if TYPE_CHECKING:
    from caddis.catalog.database import Catalog
    from caddis.domain.host import Host

READY_DEADLINE = 120.0  # seconds; a fresh pool is allocated and formatted in this time
_LOOK_EVERY = 0.5  # seconds between looks at the children


class Session:
    """`given` has what the user said, by the names of `Choices`."""

    def __init__(self, data: Path, given: Mapping[str, Any], *, format_pool: bool, stop_machines: bool) -> None:
        self._installation = Installation(data)
        self._given = given
        self._format_pool = format_pool
        self._stop_machines = stop_machines
        self._supervisor = Supervisor(_say)
        self._asked_to_end = threading.Event()

    def run(self) -> int:
        """Until someone asks it to end; the exit status."""
        begun = time.monotonic()
        installation = self._installation
        _check_machine(installation.data)
        settings = installation.data / "settings.toml"
        chosen = choose(self._given, read_choices(settings), free_bytes=free_bytes(installation.data))
        installation.ensure()
        with installation.hold():
            if strays := end_strays(installation.data):
                _say(f"ended {strays} program(s) that an earlier caddis up had left behind")
            _check_port(chosen.listen, "--listen")
            if chosen.registry:
                _check_port(chosen.registry, "--registry")
            for sent in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                signal.signal(sent, lambda *_: self._asked_to_end.set())
            try:
                if self._begin(chosen, begun):
                    write_private(settings, choices_text(chosen))
                    self._mind()
            finally:
                self._supervisor.end()
            self._take_leave()
        return 0

    def _begin(self, chosen: Choices, begun: float) -> bool:
        """Start everything and wait until it is ready; False when asked to end before that."""
        from caddis.catalog.database import Catalog

        _say(f"Caddis {__version__}: starting in {self._installation.data}")
        catalog = Catalog.open(f"sqlite:///{self._installation.data / 'catalog.sqlite'}")
        try:
            hosts = [f"h{number}" for number in range(1, chosen.hosts + 1)]
            token = ensure_credentials(self._installation, catalog, hosts)
            ensure_store(self._installation.data)
            if trouble := ensure_catalog_key(self._installation.data, catalog):
                _say(f"WARNING: {trouble}")
            since = datetime.now(UTC)
            (self._installation.data / "api.address").unlink(missing_ok=True)
            self._supervisor.add(api_program(self._installation, chosen))
            if not self._wait(lambda: self._installation.find_url() is not None, "the API"):
                return False
            url = self._installation.find_url() or ""
            if chosen.registry:
                ensure_registry(self._installation, chosen.registry, url=url, hosts=hosts)
                self._supervisor.add(registry_program(self._installation))
            for host in hosts:
                self._supervisor.add(
                    agent_program(self._installation, chosen, host, url=url, format_pool=self._format_pool)
                )
            if not self._wait(
                lambda: set(hosts) <= {host.id for host in _reported(catalog, since)}, "every host's agent"
            ):
                return False
            ready = [host for host in _reported(catalog, since) if host.id in hosts]
        finally:
            catalog.close()
        _say(_welcome(self._installation, url, ready))
        if chosen.registry:
            _say(f"registry {chosen.registry}: docker login -u x -p TOKEN {chosen.registry}")
        if note := point_user_at(url, token, self._installation.data, os.environ):
            _say(f"note: {note}")
        _say(f"ready in {time.monotonic() - begun:.1f} s")
        return True

    def _wait(self, ready: Any, what: str) -> bool:
        deadline = time.monotonic() + READY_DEADLINE
        while not ready():
            if self._asked_to_end.wait(0.02):
                return False
            if ended := self._supervisor.find_ended():
                raise _failure(*ended)
            if time.monotonic() > deadline:
                raise TimedOut(
                    f"{what} was not ready within {READY_DEADLINE:g} s",
                    hint=f"its log may tell: {self._installation.data / 'logs'}",
                )
        return True

    def _mind(self) -> None:
        while not self._asked_to_end.wait(_LOOK_EVERY):
            self._supervisor.mend()

    def _take_leave(self) -> None:
        if self._stop_machines:
            take_down(self._installation)
            _say("ended; all machines are stopped")
        else:
            _say("ended; machines go on running (caddis up finds them again, caddis down stops them)")


def _check_machine(data: Path) -> None:
    found = probe_all(data.absolute())
    if missing(found):
        raise Missing("this computer cannot run machines:\n" + table(missing(found)), hint="caddis doctor tells all")


def _check_port(listen: str, flag: str) -> None:
    address, port = parse_listen(listen, flag=flag)
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind((address, port))
            trial.listen()
        except OSError as refused:
            raise Conflict(
                f"cannot listen on {listen}: {refused.strerror or refused}",
                hint=f"the port is taken, or the address is not this computer's; choose another: {flag} ADDR:PORT",
            ) from refused


def _failure(program: Program, status: int, said: str) -> Problem:
    if not said:
        return Problem(f"{program.name} ended with status {status} and said nothing", hint=f"see {program.log}")
    return Refused(f"{program.name} could not start: {said}")


def _reported(catalog: Catalog, since: datetime) -> list[Host]:
    from caddis.catalog.hosts import list_hosts

    return [host for host in catalog.read(list_hosts) if host.last_seen >= since]


def _welcome(installation: Installation, url: str, hosts: list[Host]) -> str:
    region = hosts[0].region
    lines = [f"{url}  data {installation.data}  instance {installation.id}"]
    for host in hosts:
        size, kind = format_bytes(host.capacity.pool_bytes), host.capacity.encryption
        lines.append(f"  host {host.id}  region {host.region}  zone {host.zone}  pool {size}  encryption {kind}")
    option = "" if installation.is_default else f" --data {installation.data}"
    lines += [
        "",
        "In another terminal, in the folder of an app with a Dockerfile:",
        "  fly launch --no-deploy",
        f"  fly volumes create myapp_data --region {region} --size 1 --app myapp",
        "  fly deploy",
        f'fly knows this server from its settings file. For flyctl and other users: eval "$(caddis env{option})"',
        f"Ctrl-C ends the API and the agents; machines run on until: caddis down{option}",
    ]
    return "\n".join(lines)


def _say(line: str) -> None:
    print(line, flush=True)
