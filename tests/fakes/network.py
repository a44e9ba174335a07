"""A host's network in memory, answering to the contract of the real one."""

from __future__ import annotations

from caddis.domain.errors import Problem
from caddis.network.addresses import Addresses


class FakeNetwork:
    """The `Network` protocol of agent/world.py. Two machines with one address are a bug, and it says so."""

    def __init__(self, instance: str = "fake", host: str = "a") -> None:
        self._prefix = f"caddis-{instance}-{host}-"
        self.host_is_up = False
        self.connected: dict[str, Addresses] = {}
        self.next_connect_fails: Problem | None = None

    def leftovers(self) -> list[str]:
        """What it still holds; the host's own bridge too, until `remove_host`."""
        return [f"namespace {name}" for name in sorted(self.connected)] + ["bridge"] * self.host_is_up

    def ensure_host(self) -> None:
        """Remembered."""
        self.host_is_up = True

    def addresses(self, slot: int) -> Addresses:
        """198.18.0.0/22 from .10 on, as the real one."""
        if not 1 <= slot <= self.slots:
            raise ValueError(f"slot {slot} is not one of 1 to {self.slots}")
        number = slot + 9
        return Addresses(v4=f"198.18.{number >> 8}.{number & 255}", v6=f"fdaa:0:1:1::{number:x}")

    @property
    def slots(self) -> int:
        """As many as the real one."""
        return 1000

    def connect(self, name: str, addresses: Addresses) -> str:
        """Remembered; needs the host's bridge."""
        problem, self.next_connect_fails = self.next_connect_fails, None
        if problem is not None:
            raise problem
        assert self.host_is_up, "connect before ensure_host"
        for other, taken in self.connected.items():
            assert other == name or taken != addresses, f"{name} and {other} both have {addresses}"
        self.connected[name] = addresses
        return f"/run/netns/{self._prefix}{name}"

    def disconnect(self, name: str) -> None:
        """Forgotten."""
        self.connected.pop(name, None)

    def list_connected(self) -> list[str]:
        """In order of name."""
        return sorted(self.connected)

    def remove_host(self) -> None:
        """Forgotten."""
        self.host_is_up = False
