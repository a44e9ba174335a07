"""Ways out of a machine that must be shut."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from real_machines import RealMachines, temporary_machines

pytestmark = pytest.mark.host


@pytest.fixture(scope="module")
def machines() -> Iterator[RealMachines]:
    with temporary_machines() as machines:
        machines.launch("sleep", "1000")
        yield machines


@pytest.mark.parametrize(
    ("script", "says"),
    [
        ("mount -t tmpfs none /tmp", "denied"),
        ("mount -o remount,rw /proc/sys", "denied"),
        ("umount /proc", "not permitted"),
        ("echo 1 > /proc/sys/kernel/panic", "Read-only"),
        ("echo h > /proc/sysrq-trigger", "Read-only|nonexistent"),
        ("echo 1 > /sys/kernel/mm/ksm/run", "Read-only"),
        ("cd /sys/fs/cgroup; test ! -d pids || cd pids; echo 0 > cgroup.procs", "Read-only"),
        ("mknod /tmp/disk b 254 0 && head -c 1 /tmp/disk", "not permitted|denied"),
        ("mknod /tmp/kmem c 1 1 && head -c 1 /tmp/kmem", "not permitted|denied"),
        ("busybox unshare -U true", "not permitted"),
        ("busybox unshare -m true", "not permitted"),
        ("busybox nsenter -t 1 -m true", "not permitted"),
        ("busybox hostname pwned", "not permitted"),
        ("busybox date -s 2000-01-01; test $(date +%Y) = 2000", "not permitted"),
        ("busybox insmod /etc/passwd", "not permitted"),
        ("ip link add v type dummy", "not permitted"),
    ],
)
def test_the_way_out_is_shut(machines: RealMachines, script: str, says: str) -> None:
    result = machines.shell(script)
    assert result.exit_code != 0, result
    assert re.search(says, result.stderr.decode() + result.stdout.decode()), result


def test_only_its_own_devices_processes_and_disk_are_to_be_seen(machines: RealMachines) -> None:
    devices = machines.shell("ls /dev").stdout.decode().split()
    assert "null" in devices
    assert not [name for name in devices if name.startswith(("vd", "sd", "loop", "mem", "kmsg"))]
    assert len(machines.shell("ls -d /proc/[0-9]*").stdout.split()) < 8
    assert machines.shell("cat /proc/kcore | head -c 10").stdout == b""
    assert b"Seccomp:\t2" in machines.shell("cat /proc/1/status").stdout
    assert b"NoNewPrivs:\t1" in machines.shell("cat /proc/self/status").stdout


def test_its_init_cannot_be_written_to(machines: RealMachines) -> None:
    assert b"Read-only" in machines.shell("echo > /.caddis/init").stderr


def test_a_port_below_1024_needs_no_root(machines: RealMachines) -> None:
    assert machines.shell("cat /proc/sys/net/ipv4/ip_unprivileged_port_start").stdout == b"0\n"
