"""A host's network in the kernel: bridge, namespaces, links, firewall; made again, and all gone at the end."""

from __future__ import annotations

import ipaddress
import secrets
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from caddis.kernel import links, netns
from caddis.network.host import HostNetwork

pytestmark = pytest.mark.host

_TALK = """
import socket, sys
own, other, port = sys.argv[1:]
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as talker:
    talker.bind((own, 0))
    talker.sendto(own.encode(), (other, int(port)))
"""


def make(folder: Path, host: str = "h1") -> HostNetwork:
    return HostNetwork(folder.name, host, folder / host, lock=str(folder / "lock"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / secrets.token_hex(4)
    folder.mkdir()
    return folder


@pytest.fixture
def network(folder: Path) -> Iterator[HostNetwork]:
    network = make(folder)
    network.ensure_host()
    yield network
    for name in network.list_connected():
        network.disconnect(name)
    network.remove_host()
    assert left(folder, network) == []


def left(folder: Path, network: HostNetwork) -> list[str]:
    tables = subprocess.run(["nft", "list", "tables"], capture_output=True, text=True, check=True).stdout
    found = [line for line in tables.splitlines() if folder.name in line]
    found += [name for name in netns.list_names() if folder.name in name]
    return found + [network.bridge] * links.exists(network.bridge)


def pings(namespace: str, address: str) -> bool:
    ping = ["ip", "netns", "exec", Path(namespace).name, "/bin/busybox", "ping", "-c", "1", "-W", "2", address]
    return subprocess.run(ping, capture_output=True).returncode == 0


def test_two_machines_of_a_host_reach_each_other_and_the_host_by_both_families(network: HostNetwork) -> None:
    one, two = network.addresses(1), network.addresses(2)
    first, _second = network.connect("m1", one), network.connect("m2", two)
    assert pings(first, two.v4)
    assert pings(first, two.v6)
    assert subprocess.run(["/bin/busybox", "ping", "-c", "1", "-W", "2", two.v4], capture_output=True).returncode == 0


def test_connecting_again_changes_nothing_and_half_a_connection_is_made_whole(network: HostNetwork) -> None:
    addresses = network.addresses(3)
    path = network.connect("m1", addresses)
    before = Path(path).stat().st_ino
    assert (network.connect("m1", addresses), Path(path).stat().st_ino) == (path, before)
    subprocess.run(["ip", "-n", Path(path).name, "link", "delete", "eth0"], check=True)
    network.connect("m1", addresses)
    assert links.list_addresses(Path(path).name, "eth0") >= {addresses.v4, addresses.v6}


def test_machines_that_come_and_go_do_not_change_what_others_know_of_the_host(network: HostNetwork) -> None:
    address = Path("/sys/class/net", network.bridge, "address")
    before, seen = address.read_text(), set()
    for slot in range(1, 9):  # one in nine bridges alone would keep a random address this long
        network.connect(f"m{slot}", network.addresses(slot))
        seen.add(address.read_text())
    for slot in range(1, 9):
        network.disconnect(f"m{slot}")
        seen.add(address.read_text())
    assert seen == {before}


def test_the_next_machine_at_an_address_is_reached_by_who_knew_the_last_one(network: HostNetwork) -> None:
    one, two = network.addresses(1), network.addresses(2)
    first = network.connect("m1", one)
    for name in ("m2", "m3", "m4"):
        second = network.connect(name, two)
        for address in (two.v4, two.v6):
            assert pings(first, address)
            assert subprocess.run(["/bin/busybox", "ping", "-c", "1", "-W", "2", address]).returncode == 0
        assert pings(second, one.v6)
        network.disconnect(name)


def test_disconnecting_twice_is_silent_and_leaves_nothing(network: HostNetwork) -> None:
    network.connect("m1", network.addresses(1))
    network.disconnect("m1")
    network.disconnect("m1")
    assert network.list_connected() == []
    assert list(Path("/sys/class/net", network.bridge).glob("lower_*")) == []


def test_a_returning_agent_keeps_bridge_subnet_and_machines(network: HostNetwork, folder: Path) -> None:
    path = network.connect("m1", network.addresses(1))
    again = make(folder)
    again.ensure_host()
    assert again.addresses(1) == network.addresses(1)
    assert again.list_connected() == ["m1"]
    assert pings(path, network.addresses(1).v4)


def test_two_hosts_on_one_computer_have_subnets_of_their_own_and_reach_each_other(
    network: HostNetwork, folder: Path
) -> None:
    other = make(folder, "h2")
    other.ensure_host()
    try:
        path = network.connect("m1", network.addresses(1))
        other.connect("m1", other.addresses(1))
        assert other.addresses(1).v4 != network.addresses(1).v4
        assert pings(path, other.addresses(1).v4)
    finally:
        other.disconnect("m1")
        other.remove_host()


def test_a_machine_cannot_speak_under_an_address_that_is_not_its_hosts(network: HostNetwork) -> None:
    addresses = network.addresses(1)
    name = Path(network.connect("m1", addresses)).name
    subprocess.run(["ip", "-n", name, "address", "add", "192.0.2.9/32", "dev", "eth0"], check=True)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listener:
        listener.bind(("0.0.0.0", 0))
        listener.settimeout(20)
        gateway = str(ipaddress.IPv4Interface(f"{addresses.v4}/22").network[1])
        for origin in ("192.0.2.9", addresses.v4):
            words = [sys.executable, "-c", _TALK, origin, gateway, str(listener.getsockname()[1])]
            subprocess.run(["ip", "netns", "exec", name, *words], check=True)
        assert listener.recv(100).decode() == addresses.v4
