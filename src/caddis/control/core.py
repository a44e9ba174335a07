"""What everything in this room works with."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Concatenate, ParamSpec, TypeVar

import anyio
import sqlalchemy as sa

from caddis.catalog import hosts
from caddis.catalog.database import Catalog
from caddis.catalog.vault import Vault
from caddis.control.doors import Doors
from caddis.control.orders import Answer, Order
from caddis.control.taken import Taken
from caddis.control.threads import in_thread
from caddis.domain.errors import Unreachable
from caddis.domain.host import Host
from caddis.domain.ids import ENTROPY_BYTES

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Control:
    """The catalog and its key, the hosts' doors, and where time and randomness come from. Belongs to one event loop."""

    catalog: Catalog
    vault: Vault
    now: Callable[[], datetime]
    entropy: Callable[[int], bytes]
    doors: Doors = field(default_factory=Doors)
    taken: Taken = field(default_factory=Taken)
    # Two volumes of one app are placed one after the other, so that the second sees the zone of the first.
    placing: defaultdict[str, anyio.Lock] = field(default_factory=lambda: defaultdict(anyio.Lock))
    # The host of each machine that is being made, by app and process group: the index does not have it yet.
    coming: defaultdict[tuple[str, str], dict[str, str]] = field(default_factory=lambda: defaultdict(dict))

    async def read(self, work: Callable[Concatenate[sa.Connection, P], T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """`Catalog.read`, from async code."""
        return await in_thread(self.catalog.read, work, *args, **kwargs)

    async def write(self, work: Callable[Concatenate[sa.Connection, P], T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """`Catalog.write`, from async code."""
        return await in_thread(self.catalog.write, work, *args, **kwargs)

    def id_bytes(self) -> bytes:
        """What `domain.ids` makes a name from."""
        return self.entropy(ENTROPY_BYTES)

    async def get_host(self, host_id: str) -> Host:
        """By its id; Unreachable when it has never told us where it is."""
        host = await self.read(hosts.find_host, host_id)
        if host is None:
            raise Unreachable(f"host {host_id} has not reported yet")
        return host

    async def list_hosts(self) -> list[Host]:
        """Those that reported lately first: the others are asked only when nobody else can help."""
        now = self.now()
        return sorted(await self.read(hosts.list_hosts), key=lambda host: not host.is_reachable(now))

    async def order(self, host: Host, order: Order) -> Answer:
        """Send, and wait until the index shows what changed ("read your writes")."""
        return await self.settle(host, await self.doors.send(host, order))

    async def deliver(self, host: Host, order: Order) -> Answer:
        """As `order`, but NotDelivered when the order cannot have reached the host."""
        return await self.settle(host, await self.doors.deliver(host, order))

    async def settle(self, host: Host, answer: Answer) -> Answer:
        """The answer itself, once the index has the report that it names."""
        if answer.sequence:
            await self.taken.wait(host.id, answer.sequence, lambda: self.read(hosts.find_acknowledged, host.id))
        return answer
