"""A real API process with a catalog of its own, tokens in hand and fake agents behind it."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx2

from caddis.api.main import ADDRESS_FILE, catalog_url
from caddis.catalog import bootstrap, organizations, tokens
from caddis.catalog.database import Catalog
from caddis.domain.app import Organization
from fakes.agent_door import FakeAgent

DEADLINE = 15.0


def wait_until(look: Callable[[], Any], deadline: float = DEADLINE) -> Any:
    """What `look` finds, once it finds something."""
    end = time.monotonic() + deadline
    while time.monotonic() < end:
        found = look()
        if found:
            return found
        time.sleep(0.01)
    raise AssertionError("waited in vain")


@dataclass
class ApiServer:
    """`http` carries the token of the organization's owner; `host_tokens` go by host."""

    pid: int
    address: str
    catalog: Catalog
    user_token: str
    host_tokens: dict[str, str]
    http: httpx2.Client
    agents: dict[str, FakeAgent]
    made: dict[str, str] = field(default_factory=dict)

    def make_token(
        self, *, app_id: int | None = None, read_only: bool = False, organization: str = "personal", **more: Any
    ) -> str:
        """A token of that reach; the same one when asked again."""
        name = f"{organization} {app_id} {read_only} {more}"
        if name in self.made:
            return self.made[name]
        token = tokens.make_token(tokens.USER_PREFIX, os.urandom(tokens.TOKEN_BYTES))
        reach = tokens.Reach(
            name=name, organization_id=self.ensure_organization(organization).id, app_id=app_id, read_only=read_only
        )
        self.catalog.write(tokens.create_token, token, reach, now=datetime.now(UTC), **more)
        self.made[name] = token
        return token

    def ensure_organization(self, slug: str) -> Organization:
        """An organization, made if needed."""
        return self.catalog.write(organizations.ensure_organization, slug, slug.title(), now=datetime.now(UTC))

    def ask(self, method: str, path: str, *, token: str | None = None, **more: Any) -> httpx2.Response:
        """One request with that token ("" for none), else the owner's."""
        headers = dict(more.pop("headers", {}))
        if token is not None:
            headers["authorization"] = f"Bearer {token}" if token else ""
        return self.http.request(method, path, headers=headers, **more)


@contextmanager
def run_api(folder: Path, *hosts: tuple[str, str, str], data: str = "data") -> Iterator[ApiServer]:
    """A server; `hosts` are names, zones and regions of fake agents that have reported once."""
    kept = folder / data
    kept.mkdir(exist_ok=True)
    (kept / ADDRESS_FILE).unlink(missing_ok=True)
    catalog = Catalog.open(catalog_url(kept))
    names = tuple(name for name, _, _ in hosts)
    credentials = catalog.write(
        bootstrap.bootstrap, kept=None, hosts_wanted=names, now=datetime.now(UTC), entropy=os.urandom
    )
    command = [sys.executable, "-m", "caddis.api", "--data", str(kept), "--listen", "127.0.0.1:0"]
    with (folder / "api.log").open("wb") as log, ExitStack() as stack:
        process = subprocess.Popen(command, stderr=log, stdin=subprocess.DEVNULL)
        try:
            wait_until((kept / ADDRESS_FILE).exists)
            address = f"http://{(kept / ADDRESS_FILE).read_text().strip()}"
            owner = {"authorization": f"Bearer {credentials.user_token}"}
            http = stack.enter_context(httpx2.Client(base_url=address, headers=owner, timeout=30))
            agents = {}
            for name, zone, region in hosts:
                agent = stack.enter_context(FakeAgent(name, zone, folder, region=region).open())
                agent.api, agent.token = address, credentials.host_tokens[name]
                agent.push()
                agents[name] = agent
            yield ApiServer(
                process.pid, address, catalog, credentials.user_token, dict(credentials.host_tokens), http, agents
            )
        finally:
            process.terminate()
            process.wait(10)
            catalog.close()
