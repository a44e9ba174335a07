"""Leases: acquire, refresh, read, release (facts: machines-api 4.8)."""

from __future__ import annotations

from datetime import timedelta

from caddis.agent.book import Writer
from caddis.agent.world import World
from caddis.domain.errors import NotFound, Refused
from caddis.domain.lease import Lease, check_lease


def make_lease(machine: str, ttl: int, *, description: str, owner: str, world: World) -> Lease:
    """A new lease of `ttl` seconds with a fresh nonce."""
    return Lease(
        machine=machine,
        nonce=world.entropy().hex(),
        owner=owner,
        description=description,
        expires_at=world.now() + timedelta(seconds=ttl),
    )


class LeaseOrders:
    """Blocking: each is one transaction."""

    def __init__(self, world: World) -> None:
        self._world = world

    def check(self, id: str, app: str, nonce: str | None) -> None:
        """LeaseHeld unless nobody else holds the machine."""
        self._world.book.get_machine(id, app)
        check_lease(self._world.book.find_lease(id), nonce, now=self._world.now())

    def get(self, id: str, app: str) -> Lease:
        """The lease that holds now."""
        self._world.book.get_machine(id, app)
        return self._current(self._world.book.find_lease(id), id)

    def acquire(self, id: str, app: str, nonce: str | None, *, ttl: int, description: str, owner: str) -> Lease:
        """A new lease; with the nonce of the one that holds, that one for longer."""
        now = self._world.now()
        fresh = make_lease(id, ttl, description=description, owner=owner, world=self._world)

        def work(writer: Writer) -> Lease:
            writer.get_machine(id, app)
            held = writer.find_lease(id)
            check_lease(held, nonce, now=now)
            if nonce is not None and held is not None and held.nonce == nonce and not held.is_over(now):
                lease = Lease(
                    machine=id,
                    nonce=nonce,
                    owner=held.owner,
                    description=description or held.description,
                    expires_at=fresh.expires_at,
                )
            elif nonce is not None:
                raise NotFound(f"lease not found: machine {id} has none with this nonce")
            else:
                lease = fresh
            writer.put_lease(lease)
            return lease

        return self._world.book.write(work)

    def release(self, id: str, app: str, nonce: str | None) -> None:
        """End the lease; only with its nonce."""
        if not nonce:
            raise Refused("releasing a lease needs its nonce in the header fly-machine-lease-nonce")

        def work(writer: Writer) -> None:
            writer.get_machine(id, app)
            held = self._current(writer.find_lease(id), id)
            check_lease(held, nonce, now=self._world.now())
            writer.delete_lease(id)

        self._world.book.write(work)

    def _current(self, lease: Lease | None, id: str) -> Lease:
        if lease is None or lease.is_over(self._world.now()):
            raise NotFound(f"lease not found: nobody holds machine {id}")
        return lease
