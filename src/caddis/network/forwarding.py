"""Letting packets of machines through this host, without taking from the host what it had."""

from __future__ import annotations

from pathlib import Path

from caddis.telemetry.log import note

_V4 = Path("/proc/sys/net/ipv4/ip_forward")
_V6 = Path("/proc/sys/net/ipv6/conf")


def ensure_forwarding() -> None:
    """Ensure that the kernel forwards IPv4 and IPv6; a line in the log where we may not say so.

    A host that forwards IPv6 stops listening to router advertisements, and would lose the default route it learned from
    them. Interfaces that listened are therefore told to go on (accept_ra 2) first.
    """
    try:
        if _read(_V4) == "0":
            _V4.write_text("1")
        if _read(_V6 / "all/forwarding") == "0":
            for interface in sorted(_V6.iterdir()):
                if interface.name != "all" and _read(interface / "accept_ra") == "1":
                    (interface / "accept_ra").write_text("2")
            (_V6 / "all/forwarding").write_text("1")
    except OSError as refused:
        note("network.forwarding", problem=str(refused), meaning="machines reach this host only")


def _read(path: Path) -> str:
    try:
        return path.read_text().strip()
    except FileNotFoundError:
        return ""
