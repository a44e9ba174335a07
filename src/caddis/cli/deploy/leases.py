"""Leases on the machines that a deploy changes: taken before the first change, kept fresh, given back at the end."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from types import TracebackType

from caddis.client.machines import acquire_lease, release_lease
from caddis.client.transport import Client
from caddis.domain.errors import Problem


class Leases:
    """Use as a context; `nonce` proves a lease to the API."""

    def __init__(self, client: Client, app: str, *, seconds: int) -> None:
        self._client, self._app, self._seconds = client, app, seconds
        self._nonces: dict[str, str] = {}
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._keeper = threading.Thread(target=self._keep_fresh, name="leases", daemon=True)

    def __enter__(self) -> Leases:
        self._keeper.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._over.set()
        for machine, nonce in self._held():
            try:
                self._client.send(release_lease(self._app, machine, nonce=nonce))
            except Problem:
                pass  # it ends by itself within seconds
        self._keeper.join(timeout=1.0)

    def acquire(self, machines: Iterable[str]) -> None:
        """All or, raising LeaseHeld, none that stays: what was taken before is given back by the context."""
        for machine in machines:
            answer = self._client.send(acquire_lease(self._app, machine, ttl=self._seconds))
            with self._lock:
                self._nonces[machine] = str(answer["data"]["nonce"])

    def nonce(self, machine: str) -> str | None:
        """None for a machine on which no lease is held."""
        with self._lock:
            return self._nonces.get(machine)

    def forget(self, machine: str) -> None:
        """The machine is gone, and its lease with it."""
        with self._lock:
            self._nonces.pop(machine, None)

    def _held(self) -> list[tuple[str, str]]:
        with self._lock:
            return list(self._nonces.items())

    def _keep_fresh(self) -> None:
        while not self._over.wait(self._seconds / 3):
            for machine, nonce in self._held():
                try:
                    self._client.send(acquire_lease(self._app, machine, ttl=self._seconds, nonce=nonce))
                except Problem:
                    pass  # the next round tries again; a lost lease shows itself when the machine is changed
