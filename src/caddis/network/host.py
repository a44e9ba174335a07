"""The network of one host: a bridge, and for each machine a namespace that hangs on it by a pair of links."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import ipaddress
import json
import os
import re
from collections.abc import Iterator
from pathlib import Path

from caddis.domain.errors import Problem
from caddis.kernel import links, netns, nft
from caddis.kernel.command import Failed, run
from caddis.kernel.durable import write_whole
from caddis.network import forwarding
from caddis.network.addresses import SLOTS, Addresses, Subnets
from caddis.network.subnets import RANGE_V4, RANGE_V6, choose_v4, derive_v6
from caddis.telemetry.log import note

LOCK = "/run/lock/caddis-network"  # held while a subnet is chosen, by every agent of this computer
_INSIDE = "eth0"
_METRIC = 4_000_000_000  # of the route that catches what no link takes: behind every other


class HostNetwork:
    """The Network protocol of agent/world.py. `data` is the host's folder, where its choice of subnet is kept."""

    def __init__(self, instance: str, host: str, data: str | Path, *, lock: str = LOCK) -> None:
        self._name = f"caddis-{instance}-{host}"
        self._kept, self._lock = Path(data) / "network.json", lock
        self.bridge = "cds" + _digest(self._name, 3)
        self._v6 = derive_v6(instance, host)
        self._subnets: Subnets | None = None

    def ensure_host(self) -> None:
        """Ensure the bridge, its addresses and the way out; what is there already is kept as it is."""
        with _locked(self._lock):
            self._subnets = self._settle_subnets()
            run(links.batch(*self._bridge_lines(self._subnets)))
        forwarding.ensure_forwarding()
        try:
            run(nft.replace_table("inet", self._name, _table_body(self.bridge, self._subnets)))
        except Problem as refused:
            note("network.firewall", problem=str(refused), meaning="machines reach this host only")

    def addresses(self, slot: int) -> Addresses:
        """The addresses of a slot, 1 to `slots`, once `ensure_host` has settled (ever) which subnet is ours."""
        return self._known_subnets().of_slot(slot)

    @property
    def slots(self) -> int:
        """How many machines this host has addresses for."""
        return SLOTS

    def connect(self, name: str, addresses: Addresses) -> str:
        """Ensure a network namespace with these addresses, which this host reaches; its path."""
        namespace = self._namespace(name)
        if netns.exists(namespace):
            if self._is_complete(name, addresses):
                return netns.path(namespace)
            self.disconnect(name)
        outside = self._link(name)
        run(
            links.batch(
                f"netns add {namespace}",
                f"link add {outside} type veth peer name {_INSIDE} address {self._mac(addresses)} netns {namespace}",
                f"link set {outside} master {self.bridge} up",
            )
        )
        run(links.batch(*_inside_lines(addresses, self._known_subnets()), netns=namespace))
        return netns.path(namespace)

    def disconnect(self, name: str) -> None:
        """Ensure that namespace and links are gone.

        The kernel would remove the links some time after the namespace; we wait for them, so that their names are free.
        """
        namespace, outside = self._namespace(name), self._link(name)
        lines = [f"link delete {outside}"] if links.exists(outside) else []
        lines += [f"netns delete {namespace}"] if netns.exists(namespace) else []
        for line in lines:
            try:
                run(links.batch(line))
            except Failed:  # it went on its own, perhaps
                if links.exists(outside) if line.startswith("link") else netns.exists(namespace):
                    raise

    def list_connected(self) -> list[str]:
        """Names that have a namespace on this host."""
        prefix = f"{self._name}-"
        names = [name.removeprefix(prefix) for name in netns.list_names() if name.startswith(prefix)]
        return [name for name in names if "-" not in name]  # else it belongs to a host whose name begins like ours

    def remove_host(self) -> None:
        """Ensure that the bridge, its routes and the firewall's table are gone. The choice of subnet stays."""
        if links.exists(self.bridge):
            run(links.batch(f"link delete {self.bridge}"))
        subnets = self._subnets or self._read_kept()
        for network in (subnets.v4, subnets.v6) if subnets else ():
            line = f"route delete unreachable {network} metric {_METRIC}"
            with contextlib.suppress(Failed):  # there is none
                run(links.batch(line))
        try:
            run(nft.delete_table("inet", self._name))
        except Problem as refused:
            note("network.firewall", problem=str(refused))

    def _namespace(self, name: str) -> str:
        if not re.fullmatch(r"[a-zA-Z0-9_]+", name):
            raise ValueError(f"{name!r} cannot name a network namespace")
        return f"{self._name}-{name}"

    def _link(self, name: str) -> str:
        return "cdv" + _digest(self._namespace(name), 6)

    def _mac(self, addresses: Addresses) -> str:
        """A slot's, so that nobody who knew the last machine at these addresses writes to one that is gone."""
        return _mac(f"{self._name}-{addresses.v4}")

    def _known_subnets(self) -> Subnets:
        subnets = self._subnets or self._read_kept()
        if subnets is None:
            raise Problem("this host's network was never set up", hint="the agent does so when it starts")
        self._subnets = subnets
        return subnets

    def _read_kept(self) -> Subnets | None:
        try:
            kept = json.loads(self._kept.read_text())
        except FileNotFoundError:
            return None
        return Subnets(ipaddress.IPv4Network(kept["v4"]), self._v6)

    def _settle_subnets(self) -> Subnets:
        """The kept choice, unless someone else's link has taken it meanwhile; else a new one, kept."""
        routes, kept = links.list_routes(), self._read_kept()
        others = [destination for destination, via in routes if via not in (self.bridge, "unreachable")]
        if kept is not None:
            if not any(kept.v4.overlaps(ipaddress.IPv4Network(other, strict=False)) for other in others):
                return kept
            if self.list_connected():
                raise Problem(f"another link of this computer uses {kept.v4}, which this host's machines have")
            if links.exists(self.bridge):
                run(links.batch(f"address flush dev {self.bridge}"))
        chosen = Subnets(choose_v4(destination for destination, _via in routes), self._v6)
        self._kept.parent.mkdir(parents=True, exist_ok=True)
        write_whole(self._kept, json.dumps({"v4": str(chosen.v4), "v6": str(chosen.v6)}).encode())
        return chosen

    def _bridge_lines(self, subnets: Subnets) -> list[str]:
        gateway, bridge = subnets.gateway, self.bridge
        lines = [] if links.exists(bridge) else [f"link add {bridge} type bridge forward_delay 0 mcast_snooping 0"]
        lines += [
            # Left to itself a bridge has the lowest address of its ports, and another one when that machine goes;
            # the others go on writing to the old one for half a minute.
            f"link set {bridge} address {_mac(self._name)} up",
            f"address replace {gateway.v4}/{subnets.v4.prefixlen} dev {bridge}",
            # should the bridge vanish, packets to machines end here and do not leave by the default route
            f"route replace unreachable {subnets.v4} metric {_METRIC}",
        ]
        if links.has_ipv6():
            lines += [
                f"address replace {gateway.v6}/{subnets.v6.prefixlen} dev {bridge} nodad",
                f"route replace unreachable {subnets.v6} metric {_METRIC}",
            ]
        return lines

    def _is_complete(self, name: str, addresses: Addresses) -> bool:
        wanted = {addresses.v4, addresses.v6} if links.has_ipv6() else {addresses.v4}
        try:
            return links.is_in_bridge(self._link(name), self.bridge) and wanted <= links.list_addresses(
                self._namespace(name), _INSIDE
            )
        except Failed:  # a file without a namespace in it
            return False


def _inside_lines(addresses: Addresses, subnets: Subnets) -> list[str]:
    """nodad: an IPv6 address is usable at once, not after a second of asking whether someone else has it."""
    lines = [
        "link set lo up",
        f"link set {_INSIDE} up",
        f"address add {addresses.v4}/{subnets.v4.prefixlen} dev {_INSIDE}",
        f"route add default via {subnets.gateway.v4}",
    ]
    if links.has_ipv6():
        lines += [
            f"address add {addresses.v6}/{subnets.v6.prefixlen} dev {_INSIDE} nodad",
            f"route add ::/0 via {subnets.gateway.v6}",
        ]
    return lines


def _mac(name: str) -> str:
    """A link's address of our own making ("locally administered"), the same for the same name."""
    return ":".join(["02", *re.findall("..", _digest(name, 5))])


def _table_body(bridge: str, subnets: Subnets) -> str:
    """Machines go out under the host's address, and never under one that is not of their subnet."""
    return f"""
    chain out {{
        type nat hook postrouting priority srcnat
        ip saddr {subnets.v4} ip daddr != {RANGE_V4} masquerade
        ip6 saddr {subnets.v6} ip6 daddr != {RANGE_V6} masquerade
    }}
    chain origin {{
        type filter hook prerouting priority raw
        iifname {bridge} ip saddr != {subnets.v4} drop
        iifname {bridge} ip6 saddr != {{ {subnets.v6}, fe80::/10, :: }} drop
    }}
"""


def _digest(text: str, size: int) -> str:
    return hashlib.blake2s(text.encode(), digest_size=size).hexdigest()


@contextlib.contextmanager
def _locked(path: str) -> Iterator[None]:
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        yield
    finally:
        os.close(fd)
