"""Which addresses hosts and machines have, and how the tools are told: pure."""

from __future__ import annotations

import ipaddress

import pytest

from caddis.domain.errors import NoCapacity
from caddis.kernel import cgroup, conmon, links, nft, runc
from caddis.machines.processes import parse_sockets
from caddis.network.addresses import Addresses, Subnets
from caddis.network.subnets import choose_v4, derive_v6

SUBNETS = Subnets(ipaddress.IPv4Network("198.18.4.0/22"), ipaddress.IPv6Network("fdaa:1:2:3::/64"))


def test_every_slot_has_addresses_of_its_own_inside_the_subnets() -> None:
    all_of_them = [SUBNETS.of_slot(slot) for slot in range(1, 1001)]
    assert len(set(all_of_them)) == 1000
    assert all_of_them[0] == Addresses(v4="198.18.4.10", v6="fdaa:1:2:3::a")
    assert all(ipaddress.ip_address(found.v4) in SUBNETS.v4 for found in all_of_them)
    assert ipaddress.ip_address(all_of_them[-1].v4) < SUBNETS.v4.broadcast_address
    assert SUBNETS.gateway not in all_of_them


@pytest.mark.parametrize("slot", [0, 1001, -1])
def test_there_are_no_other_slots(slot: int) -> None:
    with pytest.raises(ValueError, match="slot"):
        SUBNETS.of_slot(slot)


def test_the_first_subnet_without_a_route_is_chosen() -> None:
    assert str(choose_v4([])) == "198.18.0.0/22"
    assert str(choose_v4(["198.18.0.0/22", "198.18.4.7", "10.0.0.0/8"])) == "198.18.8.0/22"


def test_a_computer_with_every_subnet_taken_says_so() -> None:
    with pytest.raises(NoCapacity, match="no addresses"):
        choose_v4(["198.18.0.0/15"])


def test_hosts_and_installations_have_their_own_private_networks() -> None:
    networks = {derive_v6(instance, host) for instance in ("1234abcd", "1234abce", "test") for host in ("a", "b")}
    assert len(networks) == 6
    assert all(network.subnet_of(ipaddress.IPv6Network("fdaa::/16")) for network in networks)
    assert str(derive_v6("1234abcd", "a")).startswith("fdaa:1234:abcd:")


def test_routes_are_read_with_their_device_or_type() -> None:
    text = (
        '[{"dst":"default","gateway":"192.0.2.1","dev":"eth0"},{"dst":"198.18.0.0/22","dev":"cds1"},'
        '{"type":"unreachable","dst":"198.18.4.0/22","metric":4000000000}]'
    )
    assert links.read_routes(text) == [("198.18.0.0/22", "cds1"), ("198.18.4.0/22", "unreachable")]
    assert links.read_routes("") == []


def test_addresses_count_only_on_a_link_that_is_up() -> None:
    up = '[{},{"ifname":"eth0","flags":["UP"],"addr_info":[{"local":"198.18.0.10"},{"local":"fdaa::a"}]}]'
    assert links.read_addresses(up, "eth0") == {"198.18.0.10", "fdaa::a"}
    assert links.read_addresses(up.replace('"UP"', ""), "eth0") == frozenset()


def test_a_batch_goes_to_ip_in_one_start() -> None:
    wanted = links.batch("link set lo up", "link set eth0 up", netns="x")
    assert wanted.argv == ("ip", "-netns", "x", "-batch", "-")
    assert wanted.stdin == b"link set lo up\nlink set eth0 up\n"


def test_a_firewall_table_is_replaced_in_one_transaction() -> None:
    text = (nft.replace_table("inet", "t", "chain c {}\n").stdin or b"").decode()
    assert text == "table inet t\ndelete table inet t\ntable inet t {\nchain c {}\n}\n"
    assert (nft.delete_table("inet", "t").stdin or b"").decode() == "table inet t\ndelete table inet t\n"


HYBRID = """\
38 31 0:35 / /sys/fs/cgroup/blkio rw,relatime - cgroup cgroup rw,blkio
39 31 0:36 / /sys/fs/cgroup/pids rw,relatime - cgroup cgroup rw,pids
40 31 0:37 / /sys/fs/cgroup/systemd rw,relatime - cgroup cgroup rw,name=systemd
41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw
"""
UNIFIED = "31 23 0:28 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate\n"


def test_control_groups_are_found_on_hybrid_and_on_unified_hosts() -> None:
    hybrid = cgroup.parse_hierarchies(HYBRID)
    assert next(found.folder for found in hybrid) == "/sys/fs/cgroup/unified"
    assert {controller for found in hybrid for controller in found.controllers} == {"blkio", "pids", "name=systemd"}
    assert cgroup.parse_hierarchies(UNIFIED) == (cgroup.Hierarchy("/sys/fs/cgroup", frozenset()),)


def test_conmons_answer_is_a_pid_or_runcs_own_words() -> None:
    assert conmon.parse_answer(b'{"pid": 17}\n') == (17, "")
    failed = rb'{"pid": -1, "message": "time=\"2026\" level=error msg=\"runc create failed: \\\"x\\\"\"\n"}'
    assert conmon.parse_answer(failed) == (-1, 'runc create failed: "x"')
    assert conmon.parse_answer(b"") == (-1, "")


def test_runcs_last_complaint_counts() -> None:
    error = '{"level":"error","msg":"exec failed: executable file not found in $PATH"}'
    log = '{"level":"warning","msg":"w"}\nnot json\n' + error + "\n"
    complaint = runc.read_complaint(log)
    assert complaint is not None
    assert runc.is_not_found(complaint)
    assert runc.read_complaint('{"level":"info","msg":"fine"}') is None


def test_listening_sockets_are_read_with_their_address() -> None:
    head = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
    v4 = head + "   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4711 1\n"
    v6 = head + (
        "   0: 00000000000000000000000001000000:0050 00000000000000000000000000000000:0000 0A"
        " 00000000:00000000 00:00000000 00000000     0        0 4712 1\n"
    )
    assert list(parse_sockets(v4, "tcp")) == [("4711", "127.0.0.1:8080")]
    assert list(parse_sockets(v6, "tcp")) == [("4712", "[::1]:80")]
    assert list(parse_sockets(v4.replace(" 0A ", " 01 "), "tcp")) == []
