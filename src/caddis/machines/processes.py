"""What runs inside a machine, from the host's /proc."""

from __future__ import annotations

import ipaddress
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from caddis.kernel.process import find_stat, read_arguments
from caddis.machines.plan import ProcessInfo

_LISTEN = "0A"  # TCP_LISTEN in /proc/net/tcp
_UNCONNECTED = "07"  # what a bound UDP socket says there


def observe_processes(pids: Iterable[int]) -> list[ProcessInfo]:
    """One line for each process that is still there, by their pids inside; sockets are read once for all."""
    pids = list(pids)
    sockets = _read_sockets(pids)
    found = [info for pid in pids if (info := _observe(pid, sockets)) is not None]
    return sorted(found, key=lambda info: info.pid)


def parse_sockets(text: str, proto: str) -> Iterator[tuple[str, str]]:
    """(inode, "address:port") of every listening socket in the text of /proc/<pid>/net/tcp, tcp6, udp or udp6. Pure."""
    wanted = _LISTEN if proto == "tcp" else _UNCONNECTED
    for line in text.splitlines()[1:]:
        fields = line.split()
        if len(fields) > 9 and fields[3] == wanted:
            yield fields[9], _address(fields[1])


def _address(text: str) -> str:
    """The kernel writes 32-bit words in the order of its own bytes (little-endian on all that we support)."""
    address, _, port = text.partition(":")
    packed = b"".join(bytes.fromhex(address[at : at + 8])[::-1] for at in range(0, len(address), 8))
    host = str(ipaddress.ip_address(packed))
    return f"[{host}]:{int(port, 16)}" if ":" in host else f"{host}:{int(port, 16)}"


def _read_sockets(pids: Iterable[int]) -> Mapping[str, tuple[str, str]]:
    """By inode, from the first process that is there: all of a machine share one network."""
    for pid in pids:
        try:
            texts = [
                (proto[:3], Path(f"/proc/{pid}/net/{proto}").read_text()) for proto in ("tcp", "tcp6", "udp", "udp6")
            ]
        except OSError:
            continue
        return {inode: (proto, address) for proto, text in texts for inode, address in parse_sockets(text, proto)}
    return {}


def _observe(pid: int, sockets: Mapping[str, tuple[str, str]]) -> ProcessInfo | None:
    stat = find_stat(pid)
    try:
        status = Path(f"/proc/{pid}/status").read_text(errors="replace")
        directory = os.readlink(f"/proc/{pid}/cwd")
        listen = sorted({sockets[inode] for inode in _socket_inodes(pid) if inode in sockets})
    except OSError:
        return None
    if stat is None:
        return None
    return ProcessInfo(
        pid=int(_field(status, "NSpid").split()[-1]),
        command=" ".join(read_arguments(pid)) or f"[{_field(status, 'Name')}]",
        directory=directory,
        cpu=stat.cpu,
        rss=int((_field(status, "VmRSS") or "0").split()[0]) * 1024,
        started=stat.started,
        listen=tuple(listen),
    )


def _field(status: str, name: str) -> str:
    match = re.search(rf"^{name}:\s*(.*)$", status, re.MULTILINE)
    return match[1] if match else ""


def _socket_inodes(pid: int) -> Iterator[str]:
    for fd in os.listdir(f"/proc/{pid}/fd"):
        try:
            target = os.readlink(f"/proc/{pid}/fd/{fd}")
        except OSError:
            continue
        if target.startswith("socket:["):
            yield target[8:-1]
